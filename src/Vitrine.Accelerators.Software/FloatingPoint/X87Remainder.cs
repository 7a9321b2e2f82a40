namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>FPREM and FPREM1, FSCALE and FXTRACT: exact operations on exponents.</summary>
internal static class X87Remainder
{
    /// <summary>What FPREM leaves: the remainder, the low three bits of the quotient, and whether it must be run again (C2).</summary>
    internal readonly record struct Result(Float80 Value, int Quotient, bool IsPartial);

    /// <summary>
    /// The remainder of a / b with the quotient truncated (FPREM) or rounded to nearest even (FPREM1). When the exponents differ
    /// by 64 or more the reduction is partial, by a power of two between 32 and 63 (SDM vol. 2, FPREM).
    /// </summary>
    public static Result Remainder(Float80 a, Float80 b, bool nearest, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (X87Operands.TryNan(x, y, ref environment, out Float80 nan)) return new(nan, 0, false);
        if (x.IsInfinity || y.IsZero) return new(X87Operands.Invalid(ref environment), 0, false);
        if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return default;
        if (x.IsZero) return new(a, 0, false);
        int distance = x.Exponent - y.Exponent;
        if (y.IsInfinity || distance < -1 || (distance < 0 && !nearest))
            return new(X87Operands.RoundToExtended(ExactResult.From(x), ref environment), 0, false);

        if (distance >= 64)
        {
            int reduction = 32 + (distance % 32);
            ulong partial = Divide(x.Significand, y.Significand, reduction, out _);
            return new(Pack(x.Negative, y.Exponent + distance - reduction, partial, ref environment), 0, true);
        }

        // In units of half the divisor's last place, so that a quotient below one needs no case of its own.
        ulong quotient;
        UInt128 remainder;
        UInt128 divisor = new UInt128(0, y.Significand) << 1;
        if (distance < 0)
        {
            quotient = 0;
            remainder = x.Significand;
        }
        else
        {
            remainder = new UInt128(0, Divide(x.Significand, y.Significand, distance, out quotient)) << 1;
        }

        bool negative = x.Negative;
        if (nearest && (remainder > y.Significand || (remainder == y.Significand && (quotient & 1) != 0)))
        {
            remainder = divisor - remainder;
            negative = !negative;
            quotient++;
        }

        int low = (int)(quotient & 7);
        if (remainder == UInt128.Zero) return new(Float80.SignedZero(x.Negative), low, false);
        ExactResult exact = ExactResult.Normalize(negative, y.Exponent + 63, remainder);
        return new(X87Operands.RoundToExtended(exact, ref environment), low, false);
    }

    /// <summary>a * 2^trunc(b) (FSCALE; its table of special cases is in SDM vol. 2).</summary>
    public static Float80 Scale(Float80 a, Float80 b, ref FpEnvironment environment)
    {
        const int beyondAllExponents = 0x20000;
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (X87Operands.TryNan(x, y, ref environment, out Float80 nan)) return nan;
        if (y.IsInfinity)
        {
            if (y.Negative ? x.IsInfinity : x.IsZero) return X87Operands.Invalid(ref environment);
            if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return default;
            return y.Negative ? Float80.SignedZero(x.Negative) : Float80.Infinity(x.Negative);
        }

        if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return default;
        if (x.Class != FpClass.Finite) return a;
        int scale = 0;
        if (y.Class == FpClass.Finite && y.Exponent >= 0)
        {
            scale = y.Exponent >= 17 ? beyondAllExponents : (int)(y.Significand >> (63 - y.Exponent));
            if (y.Negative) scale = -scale;
        }

        return X87Operands.RoundToExtended(ExactResult.From(x) with { Exponent = x.Exponent + scale }, ref environment);
    }

    /// <summary>Splits into significand, in [1, 2), and exponent (FXTRACT).</summary>
    public static Float80 Extract(Float80 value, ref FpEnvironment environment, out Float80 exponent)
    {
        Unpacked x = Unpacked.From(value);
        if (X87Operands.TryNan(x, ref environment, out Float80 nan))
        {
            exponent = nan;
            return nan;
        }

        if (x.IsInfinity)
        {
            exponent = Float80.Infinity(false);
            return value;
        }

        if (x.IsZero)
        {
            environment.Flags |= FpFlags.ZeroDivide;
            exponent = Float80.Infinity(true);
            return value;
        }

        if (x.IsDenormal) environment.Flags |= FpFlags.Denormal;
        exponent = X87Conversion.FromInteger(x.Exponent);
        return X87Operands.PackExact(x with { Exponent = 0 });
    }

    /// <summary>dividend * 2^shift divided by divisor, both with bit 63 set, shift below 64.</summary>
    private static ulong Divide(ulong dividend, ulong divisor, int shift, out ulong quotient)
    {
        ulong first = dividend >= divisor ? 1UL : 0;
        ulong remainder = first != 0 ? dividend - divisor : dividend;
        if (shift == 0)
        {
            quotient = first;
            return remainder;
        }

        quotient = FiniteArithmetic.DivideWide(remainder >> (64 - shift), remainder << shift, divisor, out remainder);
        quotient += first << shift;
        return remainder;
    }

    private static Float80 Pack(bool negative, int exponent, ulong significand, ref FpEnvironment environment) =>
        significand == 0
            ? Float80.SignedZero(negative)
            : X87Operands.RoundToExtended(
                ExactResult.Normalize(negative, exponent, new UInt128(significand, 0)), ref environment);
}
