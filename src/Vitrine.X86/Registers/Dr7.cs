namespace Vitrine.X86.Registers;

/// <summary>Bits of DR7 (SDM vol. 3, 18.2.4 "Debug Control Register").</summary>
/// <remarks>
/// <code>
///  31..30 29..28   19..18 17..16  15..14  13  12..11  10  9   8   7  6   1  0
///  LEN3   R/W3 ... LEN0   R/W0    0 0     GD  0  RTM  1   GE  LE  G3 L3..G0 L0
/// </code>
/// </remarks>
public static class Dr7
{
    /// <summary>Local enable of breakpoint 0; breakpoint n is 2n bits higher.</summary>
    public const ulong L0 = 1UL << 0;

    /// <summary>Global enable of breakpoint 0; breakpoint n is 2n bits higher.</summary>
    public const ulong G0 = 1UL << 1;

    /// <summary>All local and global enables.</summary>
    public const ulong EnableMask = 0xFF;

    /// <summary>The local enables: a task switch clears them.</summary>
    public const ulong LocalEnables = 0x55;

    /// <summary>Local exact; kept, without effect.</summary>
    public const ulong LE = 1UL << 8;

    /// <summary>Global exact; kept, without effect.</summary>
    public const ulong GE = 1UL << 9;

    /// <summary>Advanced debugging of transactional regions.</summary>
    public const ulong RTM = 1UL << 11;

    /// <summary>General detect: any MOV DR raises #DB.</summary>
    public const ulong GD = 1UL << 13;

    /// <summary>Bit 10, which always reads 1; also the value after RESET and INIT.</summary>
    public const ulong Fixed1 = 1UL << 10;

    /// <summary>Bits that can be written.</summary>
    public const ulong Writable = EnableMask | LE | GE | GD | 0xFFFF_0000;

    /// <summary>Condition of instruction execution.</summary>
    public const int Execute = 0;

    /// <summary>Condition of a data write.</summary>
    public const int Write = 1;

    /// <summary>Condition of port I/O; needs CR4.DE.</summary>
    public const int Io = 2;

    /// <summary>Condition of a data read or write.</summary>
    public const int ReadWrite = 3;

    /// <summary>True when breakpoint <paramref name="index"/> (0 to 3) is enabled, locally or globally.</summary>
    public static bool IsEnabled(ulong dr7, int index) => ((dr7 >> (2 * index)) & 3) != 0;

    /// <summary>The condition of breakpoint <paramref name="index"/>: <see cref="Execute"/> to <see cref="ReadWrite"/>.</summary>
    public static int Condition(ulong dr7, int index) => (int)(dr7 >> (16 + (4 * index))) & 3;

    /// <summary>The length in bytes that breakpoint <paramref name="index"/> watches: 1, 2, 4 or 8.</summary>
    public static int Length(ulong dr7, int index) => ((int)(dr7 >> (18 + (4 * index))) & 3) switch
    {
        0 => 1,
        1 => 2,
        2 => 8,
        _ => 4,
    };
}
