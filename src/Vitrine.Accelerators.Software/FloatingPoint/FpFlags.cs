namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Exception flags, at the bit positions of both the x87 status word and MXCSR (SDM vol. 1, 8.1.3 and 10.2.3).</summary>
internal static class FpFlags
{
    /// <summary>Invalid operation.</summary>
    public const int Invalid = 0x01;

    /// <summary>Denormal operand.</summary>
    public const int Denormal = 0x02;

    /// <summary>Division of a finite number by zero.</summary>
    public const int ZeroDivide = 0x04;

    /// <summary>Numeric overflow.</summary>
    public const int Overflow = 0x08;

    /// <summary>Numeric underflow.</summary>
    public const int Underflow = 0x10;

    /// <summary>Inexact result.</summary>
    public const int Precision = 0x20;

    /// <summary>x87 only, status word C1: the magnitude of the result was rounded up.</summary>
    public const int RoundedUp = 0x200;

    /// <summary>All six exceptions.</summary>
    public const int All = 0x3F;

    /// <summary>Those found before the computation: when one of them is unmasked nothing is computed (SDM vol. 1, 4.9.2).</summary>
    public const int PreComputation = Invalid | Denormal | ZeroDivide;
}
