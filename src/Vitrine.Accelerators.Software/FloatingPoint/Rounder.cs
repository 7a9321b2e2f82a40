namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Rounds exact results into a format and raises overflow, underflow and precision as the x86 manual orders.</summary>
internal static class Rounder
{
    /// <summary>A rounded number: its biased exponent, and its significand with the integer bit at 63 (clear in denormals and zero).</summary>
    internal readonly record struct Rounded(bool Negative, int BiasedExponent, ulong Significand);

    /// <summary>Rounds <paramref name="exact"/> to <paramref name="format"/>.</summary>
    public static Rounded Round(in ExactResult exact, in FpFormat format, ref FpEnvironment environment)
    {
        RoundingMode mode = environment.Rounding;
        int exponent = exact.Exponent;
        ulong significand = RoundSignificand(
            exact.High, exact.Low, format.Precision, mode, exact.Negative, out bool inexact, out bool up);
        if (up && significand == 0)
        {
            significand = Float80.IntegerBit;
            exponent++;
        }

        if (exponent > format.MaxExponent) return Overflow(exact.Negative, exponent, significand, inexact, up, format, ref environment);

        // x86 detects tininess after rounding, as if the exponent had no lower bound (SDM vol. 1, 4.9.1.5).
        if (exponent < format.MinExponent) return Underflow(exact, exponent, significand, inexact, up, format, ref environment);

        RaiseInexact(inexact, up, ref environment);
        return new(exact.Negative, exponent + format.Bias, significand);
    }

    /// <summary>Rounds to <paramref name="precision"/> leading bits; a carry out of bit 63 leaves zero with <paramref name="up"/> set.</summary>
    public static ulong RoundSignificand(
        ulong high, ulong low, int precision, RoundingMode mode, bool negative, out bool inexact, out bool up)
    {
        ulong unit;
        ulong kept;
        ulong rest;
        if (precision == 64)
        {
            unit = 1;
            kept = high;
            rest = low;
        }
        else
        {
            int dropped = 64 - precision;
            unit = 1UL << dropped;
            kept = high & ~(unit - 1);
            rest = (high << precision) | (low == 0 ? 0UL : 1);
        }

        inexact = rest != 0;
        up = mode switch
        {
            RoundingMode.Nearest => rest > 1UL << 63 || (rest == 1UL << 63 && (kept & unit) != 0),
            RoundingMode.Down => inexact && negative,
            RoundingMode.Up => inexact && !negative,
            _ => false,
        };
        return up ? unchecked(kept + unit) : kept;
    }

    private static void RaiseInexact(bool inexact, bool up, ref FpEnvironment environment)
    {
        if (inexact) environment.Flags |= FpFlags.Precision | (up ? FpFlags.RoundedUp : 0);
    }

    private static Rounded Overflow(
        bool negative, int exponent, ulong significand, bool inexact, bool up, in FpFormat format, ref FpEnvironment environment)
    {
        if (environment.Raise(FpFlags.Overflow))
        {
            int adjusted = exponent - format.UnmaskedAdjustment;
            // FSCALE can overflow so far that the adjusted exponent does not fit either: infinity (SDM vol. 1, 8.5.4).
            bool isMassive = format.IsDelivered && adjusted > format.MaxExponent;
            RaiseInexact(inexact || isMassive, up || isMassive, ref environment);
            return isMassive
                ? new(negative, format.InfinityExponent, Float80.IntegerBit)
                : new(negative, adjusted + format.Bias, significand);
        }

        bool toInfinity = environment.Rounding switch
        {
            RoundingMode.Nearest => true,
            RoundingMode.Down => negative,
            RoundingMode.Up => !negative,
            _ => false,
        };
        RaiseInexact(true, toInfinity, ref environment);
        return toInfinity
            ? new(negative, format.InfinityExponent, Float80.IntegerBit)
            : new(negative, format.InfinityExponent - 1, ulong.MaxValue << (64 - format.Precision));
    }

    private static Rounded Underflow(
        in ExactResult exact, int exponent, ulong significand, bool inexact, bool up, in FpFormat format, ref FpEnvironment environment)
    {
        if ((environment.Masked & FpFlags.Underflow) == 0)
        {
            environment.Flags |= FpFlags.Underflow;
            int adjusted = exponent + format.UnmaskedAdjustment;
            bool isMassive = format.IsDelivered && adjusted < format.MinExponent;
            RaiseInexact(inexact || isMassive, up && !isMassive, ref environment);
            return isMassive
                ? new(exact.Negative, 0, 0)
                : new(exact.Negative, adjusted + format.Bias, significand);
        }

        if (environment.FlushToZero)
        {
            environment.Flags |= FpFlags.Underflow | FpFlags.Precision;
            return new(exact.Negative, 0, 0);
        }

        UInt128 shifted = ExactResult.ShiftRightSticky(
            new UInt128(exact.High, exact.Low), Math.Min(format.MinExponent - exact.Exponent, 128));
        significand = RoundSignificand(
            (ulong)(shifted >> 64), (ulong)shifted, format.Precision, environment.Rounding, exact.Negative, out inexact, out up);
        if (inexact) environment.Flags |= FpFlags.Underflow;
        RaiseInexact(inexact, up, ref environment);
        return new(exact.Negative, (int)(significand >> 63), significand);
    }
}
