namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>F2XM1, FYL2X and FYL2XP1, within one unit in the last place.</summary>
internal static class X87Logarithm
{
    private static readonly Wide LogarithmOf2 = new(false, -1, new(0xB172_17F7_D1CF_79AB, 0xC9E3_B398_03F2_F6AF));

    /// <summary>2 / ln 2.</summary>
    private static readonly Wide TwoOverLogarithmOf2 = new(false, 1, new(0xB8AA_3B29_5C17_F0BB, 0xBE87_FED0_691D_3E88));

    /// <summary>sqrt 2 as Q1.127.</summary>
    private static readonly UInt128 RootOf2 = new(0xB504_F333_F9DE_6484, 0x597D_89B3_754A_BE9F);

    /// <summary>2^x - 1 for x from -1 to 1 (F2XM1); beyond, where the manual leaves it undefined, processors return x.</summary>
    public static Float80 PowerMinusOne(Float80 exponent, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(exponent);
        if (X87Operands.TryNan(x, ref environment, out Float80 nan)) return nan;
        if (x.IsZero) return exponent;
        if (x.IsInfinity) return x.Negative ? Float80.One with { SignExponent = 0xBFFF } : exponent;
        if (x.IsDenormal && environment.Raise(FpFlags.Denormal)) return default;
        if (x.Exponent >= 0)
        {
            environment.Flags |= FpFlags.Precision;
            return x == Unpacked.From(-1L) ? new(Float80.IntegerBit, 0xBFFE) : exponent;
        }

        Wide power = Wide.Multiply(Wide.From(x), LogarithmOf2);
        UInt128 magnitude = power.ToFraction();
        UInt128 sum = Wide.FixedOne;
        for (int k = 27; k >= 2; k--)
        {
            UInt128 term = Wide.MultiplyHigh(sum, magnitude) / (uint)k;
            sum = power.Negative ? Wide.FixedOne - term : Wide.FixedOne + term;
        }

        Wide result = Wide.Multiply(power, Wide.FromFixed(false, sum, 0));
        return X87Operands.RoundToExtended(result.ToInexact(), ref environment);
    }

    /// <summary>y log2 x (FYL2X: y in ST(1), x in ST(0)).</summary>
    public static Float80 Logarithm(Float80 y, Float80 x, ref FpEnvironment environment)
    {
        Unpacked factor = Unpacked.From(y);
        Unpacked argument = Unpacked.From(x);
        if (X87Operands.TryNan(argument, factor, ref environment, out Float80 nan)) return nan;
        if (argument.Negative && !argument.IsZero) return X87Operands.Invalid(ref environment);
        if (argument.IsZero)
        {
            if (factor.IsZero) return X87Operands.Invalid(ref environment);
            if (!factor.IsInfinity) environment.Flags |= FpFlags.ZeroDivide;
            return Float80.Infinity(!factor.Negative);
        }

        bool isOne = x == Float80.One;
        if ((argument.IsInfinity && factor.IsZero) || (isOne && factor.IsInfinity)) return X87Operands.Invalid(ref environment);
        if (X87Arithmetic.RaiseDenormal(argument, factor, ref environment)) return default;
        bool negative = factor.Negative != (!argument.IsInfinity && argument.Exponent < 0);
        if (argument.IsInfinity || factor.IsInfinity) return Float80.Infinity(negative);
        if (isOne || factor.IsZero) return Float80.SignedZero(negative);
        return Product(factor, Logarithm(Wide.From(argument)), ref environment);
    }

    /// <summary>y log2(x + 1), accurate for small x (FYL2XP1); undefined by the manual beyond 1 - sqrt(1/2), computed as far as it exists.</summary>
    public static Float80 LogarithmPlusOne(Float80 y, Float80 x, ref FpEnvironment environment)
    {
        Unpacked factor = Unpacked.From(y);
        Unpacked argument = Unpacked.From(x);
        if (X87Operands.TryNan(argument, factor, ref environment, out Float80 nan)) return nan;
        bool negative = argument.Negative != factor.Negative;
        if ((argument.IsInfinity && (argument.Negative || factor.IsZero)) || (argument.IsZero && factor.IsInfinity))
            return X87Operands.Invalid(ref environment);
        if (X87Arithmetic.RaiseDenormal(argument, factor, ref environment)) return default;
        if (argument.IsInfinity || factor.IsInfinity) return Float80.Infinity(negative);
        if (argument.IsZero || factor.IsZero) return Float80.SignedZero(negative);
        if (argument.Negative && argument.Exponent >= 0)
        {
            // No logarithm exists; processors return x.
            environment.Flags |= FpFlags.Precision;
            return x;
        }

        Wide small = Wide.From(argument);
        Wide logarithm = argument.Exponent < -2
            ? Series(Wide.Divide(small, Wide.Add(small, Wide.One with { Exponent = 1 })))
            : Logarithm(Wide.Add(small, Wide.One));
        return Product(factor, logarithm, ref environment);
    }

    private static Float80 Product(in Unpacked factor, in Wide logarithm, ref FpEnvironment environment)
    {
        Wide product = Wide.Multiply(Wide.From(factor), logarithm);
        // The logarithm of a power of two is exact; it is reported as inexact all the same, as processors do.
        bool isExact = (ulong)product.Significand == 0;
        ExactResult exact = product.ToInexact();
        if (isExact) exact = exact with { Low = 0 };
        Float80 result = X87Operands.RoundToExtended(exact, ref environment);
        environment.Flags |= FpFlags.Precision | (result.BiasedExponent == 0 ? FpFlags.Underflow : 0);
        return result;
    }

    private static Wide Logarithm(in Wide value)
    {
        int exponent = value.Exponent;
        Wide significand = value with { Exponent = 0 };
        if (value.Significand > RootOf2)
        {
            exponent++;
            significand = significand with { Exponent = -1 };
        }

        Wide numerator = Wide.Add(significand, Wide.One with { Negative = true });
        Wide fraction = Series(Wide.Divide(numerator, Wide.Add(significand, Wide.One)));
        return exponent == 0
            ? fraction
            : Wide.Add(Wide.FromFixed(exponent < 0, (UInt128)(uint)Math.Abs(exponent), 127), fraction);
    }

    /// <summary>log2((1 + s) / (1 - s)) = 2/ln 2 (s + s^3/3 + s^5/5 + ...), for |s| at most 0.172.</summary>
    private static Wide Series(in Wide ratio)
    {
        if (ratio.Significand == UInt128.Zero) return default;
        UInt128 square = ratio.SquareToFraction();
        UInt128 sum = UInt128.Zero;
        for (int k = 41; k >= 3; k -= 2) sum = (Wide.FixedOne / (uint)k) + Wide.MultiplyHigh(sum, square);
        sum = Wide.FixedOne + Wide.MultiplyHigh(sum, square);
        return Wide.Multiply(Wide.Multiply(ratio, TwoOverLogarithmOf2), Wide.FromFixed(false, sum, 0));
    }
}
