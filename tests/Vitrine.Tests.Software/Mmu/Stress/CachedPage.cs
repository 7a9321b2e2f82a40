namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>A translation that a TLB may hold (SDM vol. 3, 4.10.2.2). Global ones are kept apart.</summary>
/// <param name="Shift">The page's size as a power of two.</param>
/// <param name="Gpa">Where the 4-KiB page in question is.</param>
/// <param name="Rights">Its rights.</param>
/// <param name="Dirty">The dirty bit was set.</param>
internal readonly record struct CachedPage(int Shift, ulong Gpa, Rights Rights, bool Dirty);
