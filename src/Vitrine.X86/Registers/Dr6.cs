namespace Vitrine.X86.Registers;

/// <summary>Bits of DR6 (SDM vol. 3, 18.2.3 "Debug Status Register").</summary>
public static class Dr6
{
    /// <summary>Breakpoint condition 0 was met; B1 to B3 follow.</summary>
    public const ulong B0 = 1UL << 0;

    /// <summary>All four breakpoint conditions.</summary>
    public const ulong BMask = 0xF;

    /// <summary>Debug register access while DR7.GD was set.</summary>
    public const ulong BD = 1UL << 13;

    /// <summary>Single step.</summary>
    public const ulong BS = 1UL << 14;

    /// <summary>Task switch into a TSS with the T flag.</summary>
    public const ulong BT = 1UL << 15;

    /// <summary>Cleared by a debug exception inside a transactional region (RTM); else 1.</summary>
    public const ulong RTM = 1UL << 16;

    /// <summary>Reserved bits that always read 1; also the value after RESET and INIT.</summary>
    public const ulong Fixed1 = 0xFFFF_0FF0;

    /// <summary>Bits that can be written.</summary>
    public const ulong Writable = BMask | BD | BS | BT;
}
