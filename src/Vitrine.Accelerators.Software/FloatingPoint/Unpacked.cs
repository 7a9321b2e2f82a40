using System.Numerics;

namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// An operand of any format, taken apart. A finite value is Significand * 2^(Exponent - 63) with bit 63 set;
/// a NaN's significand is left-aligned the same way, so that formats convert by packing.
/// </summary>
internal readonly record struct Unpacked(FpClass Class, bool Negative, int Exponent, ulong Significand, bool IsDenormal)
{
    /// <summary>Quiet or signalling NaN.</summary>
    public bool IsNan => Class is FpClass.QuietNan or FpClass.SignalingNan;

    /// <summary>Zero, the class.</summary>
    public bool IsZero => Class == FpClass.Zero;

    /// <summary>Infinity, the class.</summary>
    public bool IsInfinity => Class == FpClass.Infinity;

    /// <summary>The same with the sign reversed.</summary>
    public Unpacked Negated => this with { Negative = !Negative };

    /// <summary>Takes an 80-bit number apart.</summary>
    public static Unpacked From(Float80 value)
    {
        bool negative = value.IsNegative;
        int biased = value.BiasedExponent;
        ulong significand = value.Significand;
        if (biased == 0x7FFF)
        {
            if ((long)significand >= 0) return new(FpClass.Unsupported, negative, 0, significand, false);
            if (significand == Float80.IntegerBit) return new(FpClass.Infinity, negative, 0, significand, false);
            bool quiet = (significand & Float80.QuietBit) != 0;
            return new(quiet ? FpClass.QuietNan : FpClass.SignalingNan, negative, 0, significand, false);
        }

        if (biased == 0)
        {
            if (significand == 0) return new(FpClass.Zero, negative, 0, 0, false);
            // A pseudo-denormal (J set) has the value of the same significand with exponent 1, as all denormals do.
            int shift = BitOperations.LeadingZeroCount(significand);
            return new(FpClass.Finite, negative, -16382 - shift, significand << shift, true);
        }

        return (long)significand >= 0
            ? new(FpClass.Unsupported, negative, 0, significand, false)
            : new(FpClass.Finite, negative, biased - 16383, significand, false);
    }

    /// <summary>Takes a binary32 or binary64, in the low bits of <paramref name="bits"/>, apart.</summary>
    public static Unpacked From<TFormat>(ulong bits, bool denormalsAreZero)
        where TFormat : struct, ISseFormat
    {
        int fractionBits = TFormat.Format.Precision - 1;
        bool negative = (bits & TFormat.SignBit) != 0;
        int biased = (int)(bits >> fractionBits) & TFormat.Format.InfinityExponent;
        ulong fraction = (bits << (64 - fractionBits)) >> 1;
        if (biased == TFormat.Format.InfinityExponent)
        {
            if (fraction == 0) return new(FpClass.Infinity, negative, 0, Float80.IntegerBit, false);
            bool quiet = (fraction & Float80.QuietBit) != 0;
            return new(quiet ? FpClass.QuietNan : FpClass.SignalingNan, negative, 0, fraction | Float80.IntegerBit, false);
        }

        if (biased == 0)
        {
            if (fraction == 0 || denormalsAreZero) return new(FpClass.Zero, negative, 0, 0, false);
            int shift = BitOperations.LeadingZeroCount(fraction);
            return new(FpClass.Finite, negative, TFormat.Format.MinExponent - shift, fraction << shift, true);
        }

        return new(FpClass.Finite, negative, biased - TFormat.Format.Bias, fraction | Float80.IntegerBit, false);
    }

    /// <summary>An integer's magnitude and sign as an operand.</summary>
    public static Unpacked From(long value)
    {
        if (value == 0) return new(FpClass.Zero, false, 0, 0, false);
        ulong magnitude = value < 0 ? (ulong)-value : (ulong)value;
        int shift = BitOperations.LeadingZeroCount(magnitude);
        return new(FpClass.Finite, value < 0, 63 - shift, magnitude << shift, false);
    }
}
