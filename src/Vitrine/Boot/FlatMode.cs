namespace Vitrine.Boot;

/// <summary>The processor mode in which flat code starts.</summary>
public enum FlatMode
{
    /// <summary>16-bit real mode; CS.base is 16 × (entry >> 4 &amp; 0xF000).</summary>
    Real,

    /// <summary>32-bit protected mode, flat segments, paging off.</summary>
    Protected,

    /// <summary>64-bit mode, the first 4 GiB identity-mapped with 2-MiB pages, page tables below 1 MiB.</summary>
    Long,
}
