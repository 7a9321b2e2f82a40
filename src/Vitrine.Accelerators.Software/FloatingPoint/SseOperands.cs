namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>What all SSE operations do with their operands first, and how they pack their results.</summary>
internal static class SseOperands
{
    /// <summary>
    /// Deals with a NaN operand; true when <paramref name="result"/> is then the result: the first operand if it is a NaN,
    /// else the second, made quiet (SDM vol. 1, table 4-7).
    /// </summary>
    public static bool TryNan<TFormat>(
        in Unpacked a, in Unpacked b, ulong rawA, ulong rawB, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        if (!a.IsNan && !b.IsNan)
        {
            result = 0;
            return false;
        }

        if (a.Class == FpClass.SignalingNan || b.Class == FpClass.SignalingNan) environment.Flags |= FpFlags.Invalid;
        result = (a.IsNan ? rawA : rawB) | TFormat.QuietBit;
        return true;
    }

    /// <summary>Raises invalid and gives the default NaN.</summary>
    public static ulong Invalid<TFormat>(ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        environment.Flags |= FpFlags.Invalid;
        return TFormat.Indefinite;
    }

    /// <summary>Zero of the given sign.</summary>
    public static ulong Zero<TFormat>(bool negative)
        where TFormat : struct, ISseFormat => negative ? TFormat.SignBit : 0;

    /// <summary>Infinity of the given sign.</summary>
    public static ulong Infinity<TFormat>(bool negative)
        where TFormat : struct, ISseFormat => TFormat.InfinityBits | Zero<TFormat>(negative);

    /// <summary>A NaN of any format, cut to this one and made quiet.</summary>
    public static ulong PackNan<TFormat>(in Unpacked nan)
        where TFormat : struct, ISseFormat =>
        Infinity<TFormat>(nan.Negative) | TFormat.QuietBit | Fraction<TFormat>(nan.Significand);

    /// <summary>Rounds to the format.</summary>
    public static ulong Round<TFormat>(in ExactResult exact, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Rounder.Rounded rounded = Rounder.Round(exact, TFormat.Format, ref environment);
        return Zero<TFormat>(rounded.Negative)
            | ((ulong)(uint)rounded.BiasedExponent << (TFormat.Format.Precision - 1))
            | Fraction<TFormat>(rounded.Significand);
    }

    private static ulong Fraction<TFormat>(ulong significand)
        where TFormat : struct, ISseFormat => (significand & ~Float80.IntegerBit) >> (64 - TFormat.Format.Precision);
}
