namespace Vitrine.X86.State;

/// <summary>GDTR or IDTR.</summary>
/// <param name="Base">Linear base address.</param>
/// <param name="Limit">Limit in bytes (size − 1).</param>
public readonly record struct DescriptorTable(ulong Base, ushort Limit);
