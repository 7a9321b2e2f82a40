namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// A number of 128 significant bits, for the insides of the transcendental functions: Significand * 2^(Exponent - 127), bit 127
/// of the significand set unless it is zero. Results are truncated, so that each operation is off by less than 2^-126 of its value:
/// the errors of a whole function stay far below the 64 bits that are kept.
/// </summary>
internal readonly record struct Wide(bool Negative, int Exponent, UInt128 Significand)
{
    /// <summary>1 as a Q1.127 fixed-point number.</summary>
    public static UInt128 FixedOne => UInt128.One << 127;

    /// <summary>Absolute value.</summary>
    public Wide Magnitude => this with { Negative = false };

    /// <summary>1.</summary>
    public static Wide One => new(false, 0, FixedOne);

    /// <summary>An operand that is finite and not zero.</summary>
    public static Wide From(in Unpacked value) => new(value.Negative, value.Exponent, new UInt128(value.Significand, 0));

    /// <summary>A fixed-point number, where bit 127 has weight 2^<paramref name="topExponent"/>.</summary>
    public static Wide FromFixed(bool negative, UInt128 value, int topExponent)
    {
        if (value == UInt128.Zero) return default;
        int shift = (int)UInt128.LeadingZeroCount(value);
        return new(negative, topExponent - shift, value << shift);
    }

    /// <summary>The value as Q0.128, of a magnitude below one.</summary>
    public UInt128 ToFraction() => Exponent < -128 ? UInt128.Zero : Significand >> (-1 - Exponent);

    /// <summary>The square as Q0.128, of a magnitude below one.</summary>
    public UInt128 SquareToFraction() =>
        Exponent < -64 ? UInt128.Zero : MultiplyHigh(Significand, Significand) >> (-2 - (2 * Exponent));

    /// <summary>Ready to round: inexact, as transcendental results are.</summary>
    public ExactResult ToInexact() => new(Negative, Exponent, (ulong)(Significand >> 64), (ulong)Significand | 1);

    /// <summary>a + b.</summary>
    public static Wide Add(in Wide a, in Wide b)
    {
        if (a.Significand == UInt128.Zero) return b;
        if (b.Significand == UInt128.Zero) return a;
        bool swap = a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand);
        Wide large = swap ? b : a;
        Wide small = swap ? a : b;
        int distance = large.Exponent - small.Exponent;
        UInt128 addend = distance >= 128 ? UInt128.Zero : small.Significand >> distance;
        if (large.Negative != small.Negative)
            return FromFixed(large.Negative, large.Significand - addend, large.Exponent);
        UInt128 sum = unchecked(large.Significand + addend);
        return sum < addend
            ? new(large.Negative, large.Exponent + 1, (sum >> 1) | FixedOne)
            : new(large.Negative, large.Exponent, sum);
    }

    /// <summary>a * b.</summary>
    public static Wide Multiply(in Wide a, in Wide b) =>
        FromFixed(a.Negative != b.Negative, MultiplyHigh(a.Significand, b.Significand), a.Exponent + b.Exponent + 1);

    /// <summary>a / b, b not zero.</summary>
    public static Wide Divide(in Wide a, in Wide b)
    {
        if (a.Significand == UInt128.Zero) return default;
        return FromFixed(a.Negative != b.Negative, DivideFraction(a.Significand >> 1, b.Significand), a.Exponent - b.Exponent);
    }

    /// <summary>The upper half of a product.</summary>
    public static UInt128 MultiplyHigh(UInt128 a, UInt128 b)
    {
        ulong aHigh = (ulong)(a >> 64);
        ulong bHigh = (ulong)(b >> 64);
        ulong aLow = (ulong)a;
        ulong bLow = (ulong)b;
        ulong carry = Math.BigMul(aLow, bLow, out _);
        ulong crossHigh1 = Math.BigMul(aHigh, bLow, out ulong crossLow1);
        ulong crossHigh2 = Math.BigMul(aLow, bHigh, out ulong crossLow2);
        ulong topHigh = Math.BigMul(aHigh, bHigh, out ulong topLow);
        UInt128 middle = (UInt128)carry + crossLow1 + crossLow2;
        return new UInt128(topHigh, topLow) + crossHigh1 + crossHigh2 + (ulong)(middle >> 64);
    }

    /// <summary>a * 2^128 / b, for a below b and bit 127 of b set.</summary>
    public static UInt128 DivideFraction(UInt128 a, UInt128 b)
    {
        ulong high = DivideDigit(ref a, b);
        ulong low = DivideDigit(ref a, b);
        return new UInt128(high, low);
    }

    /// <summary>One step of Knuth's algorithm D with 64-bit digits; leaves the remainder.</summary>
    private static ulong DivideDigit(ref UInt128 remainder, UInt128 divisor)
    {
        ulong top = (ulong)(divisor >> 64);
        ulong bottom = (ulong)divisor;
        ulong high = (ulong)(remainder >> 64);
        ulong low = (ulong)remainder;
        ulong digit;
        UInt128 rest;
        if (high >= top)
        {
            digit = ulong.MaxValue;
            rest = (UInt128)low + top;
        }
        else
        {
            digit = FiniteArithmetic.DivideWide(high, low, top, out ulong small);
            rest = small;
        }

        while (rest <= ulong.MaxValue)
        {
            ulong productHigh = Math.BigMul(digit, bottom, out ulong productLow);
            if (new UInt128(productHigh, productLow) <= rest << 64) break;
            digit--;
            rest += top;
        }

        ulong subtractHigh = Math.BigMul(digit, bottom, out ulong subtractLow);
        remainder = unchecked((rest << 64) - new UInt128(subtractHigh, subtractLow));
        return digit;
    }
}
