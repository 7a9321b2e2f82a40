namespace Vitrine.X86.Registers;

/// <summary>Bits of CR0 (SDM vol. 3, 2.5 "Control Registers").</summary>
public static class Cr0
{
    /// <summary>Protection enable.</summary>
    public const ulong PE = 1UL << 0;

    /// <summary>Monitor coprocessor: WAIT obeys TS.</summary>
    public const ulong MP = 1UL << 1;

    /// <summary>Emulation: no x87, its instructions raise #NM.</summary>
    public const ulong EM = 1UL << 2;

    /// <summary>Task switched: the next x87 or SSE instruction raises #NM.</summary>
    public const ulong TS = 1UL << 3;

    /// <summary>Extension type: always 1.</summary>
    public const ulong ET = 1UL << 4;

    /// <summary>Numeric error: x87 errors raise #MF instead of FERR#.</summary>
    public const ulong NE = 1UL << 5;

    /// <summary>Write protect: supervisor writes obey the R/W bit of page-table entries.</summary>
    public const ulong WP = 1UL << 16;

    /// <summary>Alignment mask: RFLAGS.AC has effect.</summary>
    public const ulong AM = 1UL << 18;

    /// <summary>Not write-through.</summary>
    public const ulong NW = 1UL << 29;

    /// <summary>Cache disable.</summary>
    public const ulong CD = 1UL << 30;

    /// <summary>Paging.</summary>
    public const ulong PG = 1UL << 31;

    /// <summary>Every bit that is defined; MOV CR0 ignores reserved bits below 32 and refuses those above with #GP.</summary>
    public const ulong Defined = PE | MP | EM | TS | ET | NE | WP | AM | NW | CD | PG;
}
