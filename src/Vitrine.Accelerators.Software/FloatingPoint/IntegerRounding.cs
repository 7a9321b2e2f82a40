namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Rounds finite operands to integers.</summary>
internal static class IntegerRounding
{
    /// <summary>The magnitude of an operand below 2^64 in size (exponent at most 63), rounded.</summary>
    public static ulong Magnitude(in Unpacked value, RoundingMode mode, out bool inexact, out bool up)
    {
        ulong whole;
        ulong fraction;
        switch (value.Exponent)
        {
            case 63:
                whole = value.Significand;
                fraction = 0;
                break;
            case >= 0:
                whole = value.Significand >> (63 - value.Exponent);
                fraction = value.Significand << (value.Exponent + 1);
                break;
            case -1:
                whole = 0;
                fraction = value.Significand;
                break;
            default:
                whole = 0;
                fraction = 1;
                break;
        }

        return Rounder.RoundSignificand(whole, fraction, 64, mode, value.Negative, out inexact, out up);
    }

    /// <summary>
    /// Converts to a signed integer of <paramref name="bits"/> bits; NaNs and what does not fit are invalid and give the
    /// integer indefinite, the most negative value (SDM vol. 1, 4.8.3.8 and table E-1).
    /// </summary>
    public static long ToInteger(in Unpacked value, RoundingMode mode, int bits, ref FpEnvironment environment)
    {
        long indefinite = long.MinValue >> (64 - bits);
        if (value.IsZero) return 0;
        if (value.Class != FpClass.Finite || value.Exponent > 63)
        {
            environment.Flags |= FpFlags.Invalid;
            return indefinite;
        }

        ulong magnitude = Magnitude(value, mode, out bool inexact, out bool up);
        ulong limit = 1UL << (bits - 1);
        if (magnitude > limit || (magnitude == limit && !value.Negative))
        {
            environment.Flags |= FpFlags.Invalid;
            return indefinite;
        }

        if (inexact) environment.Flags |= FpFlags.Precision | (up ? FpFlags.RoundedUp : 0);
        return value.Negative ? unchecked(-(long)magnitude) : (long)magnitude;
    }

    /// <summary>Rounds a finite operand to an integral value; false when it is already one.</summary>
    public static bool TryRound(in Unpacked value, RoundingMode mode, out Unpacked rounded, out bool inexact, out bool up)
    {
        if (value.Exponent >= 63)
        {
            rounded = value;
            inexact = up = false;
            return false;
        }

        ulong magnitude = Magnitude(value, mode, out inexact, out up);
        // Below 2^63, so that the sum of a carry still fits a long.
        rounded = magnitude == Float80.IntegerBit
            ? new(FpClass.Finite, value.Negative, 63, magnitude, false)
            : Unpacked.From((long)magnitude) with { Negative = value.Negative };
        return true;
    }
}
