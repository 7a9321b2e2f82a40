namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>
/// The bits of a second-level entry. Above the leaf, bits 63:12 are the host address of the next table; in a leaf that of the memory:
/// <code>
///  63..12        3         2         1      0
///  host address  logged    read-only leaf   present
/// </code>
/// </summary>
internal static class SecondLevelEntry
{
    /// <summary>The entry leads somewhere.</summary>
    public const ulong Present = 1 << 0;

    /// <summary>It maps memory: 4 KiB at level 1, 2 MiB at level 2.</summary>
    public const ulong Leaf = 1 << 1;

    /// <summary>Guest writes go to the bus.</summary>
    public const ulong ReadOnly = 1 << 2;

    /// <summary>The slot's dirty log must hear of writes.</summary>
    public const ulong Logged = 1 << 3;

    /// <summary>Host address.</summary>
    public const ulong AddressMask = ~0xFFFUL;
}
