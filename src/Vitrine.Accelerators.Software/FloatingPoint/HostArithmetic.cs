namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// SSE arithmetic by the host's own <see cref="double"/> and <see cref="float"/>, where that gives the guest's result and flags:
/// MXCSR at its defaults (<see cref="FpEnvironment.HostRounds"/>), operands zero or normal, result zero or safely normal. Then
/// only the precision flag is in question, and it is found by an error-free transformation, or not at all when it is already set.
/// Each method returns false when it does not apply, having changed nothing.
/// </summary>
internal static class HostArithmetic
{
    /// <summary>
    /// From this biased exponent on the rounding error of a product, quotient or root is itself representable in binary64, so that
    /// a fused multiply-add computes it exactly: 53 bits below the unit of least precision, with room.
    /// </summary>
    private const uint ResidualIsExact = 128;

    /// <summary>a + b.</summary>
    public static bool TryAdd<TFormat>(ulong a, ulong b, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        result = 0;
        if (!IsOrdinary<TFormat>(a) || !IsOrdinary<TFormat>(b)) return false;
        bool inexact;
        if (IsDouble<TFormat>())
        {
            double x = ToDouble(a);
            double y = ToDouble(b);
            double sum = x + y;
            result = Bits(sum);
            // Knuth's TwoSum.
            double part = sum - x;
            inexact = (x - (sum - part)) + (y - part) != 0;
        }
        else
        {
            float x = ToSingle(a);
            float y = ToSingle(b);
            float sum = x + y;
            result = Bits(sum);
            float part = sum - x;
            inexact = (x - (sum - part)) + (y - part) != 0;
        }

        // A zero sum of ordinary numbers is exact.
        if (IsSafe<TFormat>(result)) return Report(inexact, ref environment);
        return IsZero<TFormat>(result);
    }

    /// <summary>a * b.</summary>
    public static bool TryMultiply<TFormat>(ulong a, ulong b, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        result = 0;
        if (!IsOrdinary<TFormat>(a) || !IsOrdinary<TFormat>(b)) return false;
        if (IsDouble<TFormat>())
        {
            double product = ToDouble(a) * ToDouble(b);
            result = Bits(product);
            if (IsSafe<TFormat>(result))
            {
                if (environment.PrecisionIsSticky) return true;
                return Exponent<TFormat>(result) >= ResidualIsExact
                    && Report(Math.FusedMultiplyAdd(ToDouble(a), ToDouble(b), -product) != 0, ref environment);
            }
        }
        else
        {
            double product = (double)ToSingle(a) * ToSingle(b);
            float rounded = (float)product;
            result = Bits(rounded);
            if (IsSafe<TFormat>(result)) return Report(rounded != product, ref environment);
        }

        return IsZero<TFormat>(a) || IsZero<TFormat>(b);
    }

    /// <summary>a / b.</summary>
    public static bool TryDivide<TFormat>(ulong a, ulong b, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        result = 0;
        if (!IsOrdinary<TFormat>(a) || !IsOrdinary<TFormat>(b) || IsZero<TFormat>(b)) return false;
        if (IsDouble<TFormat>())
        {
            double quotient = ToDouble(a) / ToDouble(b);
            result = Bits(quotient);
            if (IsSafe<TFormat>(result))
            {
                if (environment.PrecisionIsSticky) return true;
                return Exponent<TFormat>(a) >= ResidualIsExact
                    && Report(Math.FusedMultiplyAdd(quotient, ToDouble(b), -ToDouble(a)) != 0, ref environment);
            }
        }
        else
        {
            float quotient = ToSingle(a) / ToSingle(b);
            result = Bits(quotient);
            if (IsSafe<TFormat>(result)) return Report((double)quotient * ToSingle(b) != ToSingle(a), ref environment);
        }

        return IsZero<TFormat>(a);
    }

    /// <summary>The square root.</summary>
    public static bool TrySquareRoot<TFormat>(ulong a, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        result = a;
        if (IsZero<TFormat>(a)) return true;
        if ((a & TFormat.SignBit) != 0 || !IsOrdinary<TFormat>(a)) return false;
        if (IsDouble<TFormat>())
        {
            double root = Math.Sqrt(ToDouble(a));
            result = Bits(root);
            if (environment.PrecisionIsSticky) return true;
            return Exponent<TFormat>(a) >= ResidualIsExact
                && Report(Math.FusedMultiplyAdd(root, root, -ToDouble(a)) != 0, ref environment);
        }

        float single = MathF.Sqrt(ToSingle(a));
        result = Bits(single);
        return Report((double)single * single != ToSingle(a), ref environment);
    }

    /// <summary>Orders two numbers, in any rounding mode.</summary>
    public static bool TryCompare<TFormat>(ulong a, ulong b, out FpRelation relation)
        where TFormat : struct, ISseFormat
    {
        relation = FpRelation.Equal;
        if (!IsOrdinary<TFormat>(a) || !IsOrdinary<TFormat>(b)) return false;
        bool less = IsDouble<TFormat>() ? ToDouble(a) < ToDouble(b) : ToSingle(a) < ToSingle(b);
        bool greater = IsDouble<TFormat>() ? ToDouble(a) > ToDouble(b) : ToSingle(a) > ToSingle(b);
        relation = less ? FpRelation.Less : greater ? FpRelation.Greater : FpRelation.Equal;
        return true;
    }

    /// <summary>Between the formats.</summary>
    public static bool TryConvert<TFrom, TTo>(ulong bits, ref FpEnvironment environment, out ulong result)
        where TFrom : struct, ISseFormat
        where TTo : struct, ISseFormat
    {
        result = 0;
        if (!IsOrdinary<TFrom>(bits)) return false;
        if (IsDouble<TTo>())
        {
            result = Bits((double)ToSingle(bits));
            return true;
        }

        double value = ToDouble(bits);
        float rounded = (float)value;
        result = Bits(rounded);
        return IsSafe<TTo>(result) ? Report(rounded != value, ref environment) : IsZero<TFrom>(bits);
    }

    /// <summary>From an integer.</summary>
    public static bool TryFromInteger<TFormat>(long value, ref FpEnvironment environment, out ulong result)
        where TFormat : struct, ISseFormat
    {
        result = 0;
        // Half of the range leaves room for rounding up.
        if (value is >= 1L << 62 or <= -(1L << 62)) return false;
        if (IsDouble<TFormat>())
        {
            double rounded = value;
            result = Bits(rounded);
            return Report((long)rounded != value, ref environment);
        }

        float single = value;
        result = Bits(single);
        return Report((long)single != value, ref environment);
    }

    /// <summary>To an integer of <paramref name="bits"/> bits, to nearest or toward zero.</summary>
    public static bool TryToInteger<TFormat>(ulong value, RoundingMode mode, int bits, ref FpEnvironment environment, out long result)
        where TFormat : struct, ISseFormat
    {
        result = 0;
        if (!IsOrdinary<TFormat>(value) || mode is RoundingMode.Up or RoundingMode.Down) return false;
        double number = IsDouble<TFormat>() ? ToDouble(value) : ToSingle(value);
        if (!(Math.Abs(number) < (bits == 32 ? 2147483647.0 : 4611686018427387904.0))) return false;
        double whole = mode == RoundingMode.Zero ? Math.Truncate(number) : Math.Round(number, MidpointRounding.ToEven);
        result = (long)whole;
        return Report(whole != number, ref environment);
    }

    private static bool IsDouble<TFormat>() => typeof(TFormat) == typeof(DoubleFormat);

    private static uint Exponent<TFormat>(ulong bits)
        where TFormat : struct, ISseFormat =>
        (uint)(bits >> (TFormat.Format.Precision - 1)) & (uint)TFormat.Format.InfinityExponent;

    private static bool IsZero<TFormat>(ulong bits)
        where TFormat : struct, ISseFormat => (bits & ~TFormat.SignBit) == 0;

    private static bool IsOrdinary<TFormat>(ulong bits)
        where TFormat : struct, ISseFormat =>
        Exponent<TFormat>(bits) - 1 < (uint)TFormat.Format.InfinityExponent - 1 || IsZero<TFormat>(bits);

    /// <summary>
    /// Normal, and neither of the lowest nor the highest exponent: it can't have been rounded up from a tiny value, and nothing
    /// overflowed on the way to its rounding error.
    /// </summary>
    private static bool IsSafe<TFormat>(ulong bits)
        where TFormat : struct, ISseFormat =>
        Exponent<TFormat>(bits) - 2 < (uint)TFormat.Format.InfinityExponent - 3;

    private static bool Report(bool inexact, ref FpEnvironment environment)
    {
        if (inexact)
        {
            environment.Flags |= FpFlags.Precision;
            environment.PrecisionIsSticky = true;
        }

        return true;
    }

    private static double ToDouble(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    private static float ToSingle(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
