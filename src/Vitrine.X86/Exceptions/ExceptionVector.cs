namespace Vitrine.X86.Exceptions;

/// <summary>Vectors of exceptions (SDM vol. 3, 6.3.1 "External Interrupts" and table 6-1).</summary>
public static class ExceptionVector
{
    /// <summary>#DE: divide error.</summary>
    public const byte DE = 0;

    /// <summary>#DB: debug.</summary>
    public const byte DB = 1;

    /// <summary>Non-maskable interrupt.</summary>
    public const byte NMI = 2;

    /// <summary>#BP: breakpoint (INT3).</summary>
    public const byte BP = 3;

    /// <summary>#OF: overflow (INTO).</summary>
    public const byte OF = 4;

    /// <summary>#BR: BOUND range exceeded.</summary>
    public const byte BR = 5;

    /// <summary>#UD: invalid opcode.</summary>
    public const byte UD = 6;

    /// <summary>#NM: device not available.</summary>
    public const byte NM = 7;

    /// <summary>#DF: double fault; its error code is 0.</summary>
    public const byte DF = 8;

    /// <summary>#TS: invalid TSS.</summary>
    public const byte TS = 10;

    /// <summary>#NP: segment not present.</summary>
    public const byte NP = 11;

    /// <summary>#SS: stack-segment fault.</summary>
    public const byte SS = 12;

    /// <summary>#GP: general protection.</summary>
    public const byte GP = 13;

    /// <summary>#PF: page fault.</summary>
    public const byte PF = 14;

    /// <summary>#MF: x87 floating-point error.</summary>
    public const byte MF = 16;

    /// <summary>#AC: alignment check.</summary>
    public const byte AC = 17;

    /// <summary>#MC: machine check.</summary>
    public const byte MC = 18;

    /// <summary>#XM: SIMD floating-point exception.</summary>
    public const byte XM = 19;

    /// <summary>#VE: virtualization exception.</summary>
    public const byte VE = 20;

    /// <summary>#CP: control protection exception.</summary>
    public const byte CP = 21;

    // Vectors 8, 10-14, 17 and 21.
    private const uint WithErrorCode = (1u << DF) | (1u << TS) | (1u << NP) | (1u << SS) | (1u << GP) | (1u << PF) | (1u << AC) | (1u << CP);

    // #DE, #TS, #NP, #SS, #GP, #CP.
    private const uint Contributory = (1u << DE) | (1u << TS) | (1u << NP) | (1u << SS) | (1u << GP) | (1u << CP);

    /// <summary>True when delivery of the exception pushes an error code.</summary>
    public static bool HasErrorCode(int vector) => (uint)vector < 32 && (WithErrorCode & (1u << vector)) != 0;

    /// <summary>True for a contributory exception: two of them make a double fault (SDM vol. 3, table 6-4).</summary>
    public static bool IsContributory(int vector) => (uint)vector < 32 && (Contributory & (1u << vector)) != 0;

    /// <summary>
    /// True when <paramref name="second"/>, raised while <paramref name="first"/> is delivered, makes a double fault instead of
    /// being handled after it (SDM vol. 3, table 6-5).
    /// </summary>
    public static bool MakesDoubleFault(int first, int second) =>
        (IsContributory(first) && IsContributory(second))
        || (first == PF && (second == PF || IsContributory(second)));
}
