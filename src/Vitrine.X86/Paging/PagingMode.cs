namespace Vitrine.X86.Paging;

/// <summary>The paging modes (SDM vol. 3, 4.1.1 "Four Paging Modes").</summary>
public enum PagingMode
{
    /// <summary>CR0.PG is clear: linear addresses are physical addresses.</summary>
    None,

    /// <summary>32-bit paging: two levels of 4-byte entries.</summary>
    Bits32,

    /// <summary>PAE paging: four pointer registers, then two levels of 8-byte entries.</summary>
    Pae,

    /// <summary>4-level paging.</summary>
    FourLevel,

    /// <summary>5-level paging.</summary>
    FiveLevel,
}
