namespace Vitrine.X86.Exceptions;

/// <summary>Bits of a page fault's error code (SDM vol. 3, 4.7 "Page-Fault Exceptions").</summary>
public static class PageFaultError
{
    /// <summary>P: the page was present and its rights or a reserved bit caused the fault.</summary>
    public const uint P = 1u << 0;

    /// <summary>W/R: a write.</summary>
    public const uint WR = 1u << 1;

    /// <summary>U/S: a user-mode access.</summary>
    public const uint US = 1u << 2;

    /// <summary>RSVD: a reserved bit was set in a paging-structure entry.</summary>
    public const uint RSVD = 1u << 3;

    /// <summary>I/D: an instruction fetch; only reported with SMEP, or with PAE and NXE.</summary>
    public const uint ID = 1u << 4;

    /// <summary>PK: a data access that the page's protection key forbids, whether or not something else does too.</summary>
    public const uint PK = 1u << 5;

    /// <summary>SS: shadow-stack access.</summary>
    public const uint SS = 1u << 6;
}
