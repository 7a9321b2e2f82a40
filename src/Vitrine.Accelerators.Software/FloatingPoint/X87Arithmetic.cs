namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// x87 add, subtract, multiply, divide, square root and comparison. When the environment says <see cref="FpEnvironment.HasNoResult"/>
/// afterwards, the returned value is not to be stored. Operands come unpacked, because a denormal in memory is reported by the
/// arithmetic instruction, in its order among the other exceptions.
/// </summary>
internal static class X87Arithmetic
{
    /// <summary>a + b (FADD).</summary>
    public static Float80 Add(in Unpacked a, in Unpacked b, ref FpEnvironment environment) => AddSigned(a, b, false, ref environment);

    /// <summary>a - b (FSUB).</summary>
    public static Float80 Subtract(in Unpacked a, in Unpacked b, ref FpEnvironment environment) => AddSigned(a, b, true, ref environment);

    /// <summary>a * b (FMUL).</summary>
    public static Float80 Multiply(in Unpacked a, in Unpacked b, ref FpEnvironment environment)
    {
        if (X87Operands.TryNan(a, b, ref environment, out Float80 nan)) return nan;
        bool negative = a.Negative != b.Negative;
        if ((a.IsInfinity && b.IsZero) || (a.IsZero && b.IsInfinity)) return X87Operands.Invalid(ref environment);
        if (RaiseDenormal(a, b, ref environment)) return default;
        if (a.IsInfinity || b.IsInfinity) return Float80.Infinity(negative);
        if (a.IsZero || b.IsZero) return Float80.SignedZero(negative);
        return X87Operands.RoundToControl(FiniteArithmetic.Multiply(a, b), ref environment);
    }

    /// <summary>a / b (FDIV).</summary>
    public static Float80 Divide(in Unpacked a, in Unpacked b, ref FpEnvironment environment)
    {
        if (X87Operands.TryNan(a, b, ref environment, out Float80 nan)) return nan;
        bool negative = a.Negative != b.Negative;
        if ((a.IsInfinity && b.IsInfinity) || (a.IsZero && b.IsZero)) return X87Operands.Invalid(ref environment);
        if (b.IsZero && !a.IsInfinity)
        {
            environment.Flags |= FpFlags.ZeroDivide;
            return Float80.Infinity(negative);
        }

        if (RaiseDenormal(a, b, ref environment)) return default;
        if (a.IsInfinity) return Float80.Infinity(negative);
        if (a.IsZero || b.IsInfinity) return Float80.SignedZero(negative);
        return X87Operands.RoundToControl(FiniteArithmetic.Divide(a, b), ref environment);
    }

    /// <summary>The square root (FSQRT).</summary>
    public static Float80 SquareRoot(in Unpacked a, ref FpEnvironment environment)
    {
        if (X87Operands.TryNan(a, ref environment, out Float80 nan)) return nan;
        if (a.IsZero) return Float80.SignedZero(a.Negative);
        if (a.Negative) return X87Operands.Invalid(ref environment);
        if (a.IsInfinity) return Float80.Infinity(false);
        if (a.IsDenormal && environment.Raise(FpFlags.Denormal)) return default;
        return X87Operands.RoundToControl(FiniteArithmetic.SquareRoot(a), ref environment);
    }

    /// <summary>
    /// Orders a and b. A NaN makes them unordered; it is invalid if it signals, or if <paramref name="quietIsInvalid"/>
    /// (FCOM and FTST, not FUCOM).
    /// </summary>
    public static FpRelation Compare(in Unpacked a, in Unpacked b, bool quietIsInvalid, ref FpEnvironment environment)
    {
        if (a.Class >= FpClass.QuietNan || b.Class >= FpClass.QuietNan)
        {
            bool signals = a.Class > FpClass.QuietNan || b.Class > FpClass.QuietNan;
            if (signals || quietIsInvalid) environment.Flags |= FpFlags.Invalid;
            return FpRelation.Unordered;
        }

        RaiseDenormal(a, b, ref environment);
        return Comparison.Numbers(a, b);
    }

    /// <summary>Raises the denormal exception if an operand is one; true when it is unmasked.</summary>
    internal static bool RaiseDenormal(in Unpacked a, in Unpacked b, ref FpEnvironment environment) =>
        (a.IsDenormal || b.IsDenormal) && environment.Raise(FpFlags.Denormal);

    private static Float80 AddSigned(in Unpacked a, in Unpacked addend, bool subtract, ref FpEnvironment environment)
    {
        if (X87Operands.TryNan(a, addend, ref environment, out Float80 nan)) return nan;
        Unpacked b = subtract ? addend.Negated : addend;
        if (a.IsInfinity && b.IsInfinity && a.Negative != b.Negative) return X87Operands.Invalid(ref environment);
        if (RaiseDenormal(a, b, ref environment)) return default;
        if (a.IsInfinity || b.IsInfinity) return Float80.Infinity(a.IsInfinity ? a.Negative : b.Negative);
        if (a.IsZero && b.IsZero)
            return Float80.SignedZero(a.Negative == b.Negative ? a.Negative : environment.ZeroSumIsNegative);
        // A single operand still goes through rounding: precision control may be narrower than it.
        if (a.IsZero) return X87Operands.RoundToControl(ExactResult.From(b), ref environment);
        if (b.IsZero) return X87Operands.RoundToControl(ExactResult.From(a), ref environment);
        return FiniteArithmetic.TryAdd(a, b, out ExactResult sum)
            ? X87Operands.RoundToControl(sum, ref environment)
            : Float80.SignedZero(environment.ZeroSumIsNegative);
    }
}
