namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>One byte of an access that left the processor. How bytes are put together to accesses is not the MMU's affair.</summary>
internal readonly record struct BusByte(ulong Gpa, bool IsWrite, byte Value);
