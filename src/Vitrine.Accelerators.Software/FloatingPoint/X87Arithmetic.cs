namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// x87 add, subtract, multiply, divide, square root and comparison. When the environment says <see cref="FpEnvironment.HasNoResult"/>
/// afterwards, the returned value is not to be stored.
/// </summary>
internal static class X87Arithmetic
{
    /// <summary>a + b (FADD).</summary>
    public static Float80 Add(Float80 a, Float80 b, ref FpEnvironment environment) => AddSigned(a, b, false, ref environment);

    /// <summary>a - b (FSUB).</summary>
    public static Float80 Subtract(Float80 a, Float80 b, ref FpEnvironment environment) => AddSigned(a, b, true, ref environment);

    /// <summary>a * b (FMUL).</summary>
    public static Float80 Multiply(Float80 a, Float80 b, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (X87Operands.TryNan(x, y, a, b, ref environment, out Float80 nan)) return nan;
        bool negative = x.Negative != y.Negative;
        if ((x.IsInfinity && y.IsZero) || (x.IsZero && y.IsInfinity)) return X87Operands.Invalid(ref environment);
        if (RaiseDenormal(x, y, ref environment)) return default;
        if (x.IsInfinity || y.IsInfinity) return Float80.Infinity(negative);
        if (x.IsZero || y.IsZero) return Float80.SignedZero(negative);
        return X87Operands.RoundToControl(FiniteArithmetic.Multiply(x, y), ref environment);
    }

    /// <summary>a / b (FDIV).</summary>
    public static Float80 Divide(Float80 a, Float80 b, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (X87Operands.TryNan(x, y, a, b, ref environment, out Float80 nan)) return nan;
        bool negative = x.Negative != y.Negative;
        if ((x.IsInfinity && y.IsInfinity) || (x.IsZero && y.IsZero)) return X87Operands.Invalid(ref environment);
        if (y.IsZero && !x.IsInfinity)
        {
            environment.Flags |= FpFlags.ZeroDivide;
            return Float80.Infinity(negative);
        }

        if (RaiseDenormal(x, y, ref environment)) return default;
        if (x.IsInfinity) return Float80.Infinity(negative);
        if (x.IsZero || y.IsInfinity) return Float80.SignedZero(negative);
        return X87Operands.RoundToControl(FiniteArithmetic.Divide(x, y), ref environment);
    }

    /// <summary>The square root (FSQRT).</summary>
    public static Float80 SquareRoot(Float80 a, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        if (X87Operands.TryNan(x, a, ref environment, out Float80 nan)) return nan;
        if (x.IsZero) return a;
        if (x.Negative) return X87Operands.Invalid(ref environment);
        if (x.IsInfinity) return a;
        if (x.IsDenormal && environment.Raise(FpFlags.Denormal)) return default;
        return X87Operands.RoundToControl(FiniteArithmetic.SquareRoot(x), ref environment);
    }

    /// <summary>
    /// Orders a and b. A NaN makes them unordered; it is invalid if it signals, or if <paramref name="quietIsInvalid"/>
    /// (FCOM and FTST, not FUCOM).
    /// </summary>
    public static FpRelation Compare(Float80 a, Float80 b, bool quietIsInvalid, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (x.Class >= FpClass.QuietNan || y.Class >= FpClass.QuietNan)
        {
            bool signals = x.Class > FpClass.QuietNan || y.Class > FpClass.QuietNan;
            if (signals || quietIsInvalid) environment.Flags |= FpFlags.Invalid;
            return FpRelation.Unordered;
        }

        RaiseDenormal(x, y, ref environment);
        return Comparison.Numbers(x, y);
    }

    /// <summary>Raises the denormal exception if an operand is one; true when it is unmasked.</summary>
    internal static bool RaiseDenormal(in Unpacked a, in Unpacked b, ref FpEnvironment environment) =>
        (a.IsDenormal || b.IsDenormal) && environment.Raise(FpFlags.Denormal);

    private static Float80 AddSigned(Float80 a, Float80 b, bool subtract, ref FpEnvironment environment)
    {
        Unpacked x = Unpacked.From(a);
        Unpacked y = Unpacked.From(b);
        if (X87Operands.TryNan(x, y, a, b, ref environment, out Float80 nan)) return nan;
        if (subtract) y = y.Negated;
        if (x.IsInfinity && y.IsInfinity && x.Negative != y.Negative) return X87Operands.Invalid(ref environment);
        if (RaiseDenormal(x, y, ref environment)) return default;
        if (x.IsInfinity || y.IsInfinity) return Float80.Infinity(x.IsInfinity ? x.Negative : y.Negative);
        if (x.IsZero && y.IsZero)
            return Float80.SignedZero(x.Negative == y.Negative ? x.Negative : environment.ZeroSumIsNegative);
        // A single operand still goes through rounding: precision control may be narrower than it.
        if (x.IsZero) return X87Operands.RoundToControl(ExactResult.From(y), ref environment);
        if (y.IsZero) return X87Operands.RoundToControl(ExactResult.From(x), ref environment);
        return FiniteArithmetic.TryAdd(x, y, out ExactResult sum)
            ? X87Operands.RoundToControl(sum, ref environment)
            : Float80.SignedZero(environment.ZeroSumIsNegative);
    }
}
