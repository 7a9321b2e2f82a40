namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// SSE arithmetic on one element, its bits in the low part of a <see cref="ulong"/>. Every operation first tries the host's own
/// arithmetic (<see cref="HostArithmetic"/>), and computes by itself what that leaves.
/// </summary>
internal static class SseArithmetic
{
    /// <summary>a + b.</summary>
    public static ulong Add<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat =>
        environment.HostRounds && HostArithmetic.TryAdd<TFormat>(a, b, ref environment, out ulong result)
            ? result
            : AddSigned<TFormat>(a, b, false, ref environment);

    /// <summary>a - b.</summary>
    public static ulong Subtract<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat =>
        environment.HostRounds && HostArithmetic.TryAdd<TFormat>(a, b ^ TFormat.SignBit, ref environment, out ulong result)
            ? result
            : AddSigned<TFormat>(a, b, true, ref environment);

    /// <summary>a * b.</summary>
    public static ulong Multiply<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        if (environment.HostRounds && HostArithmetic.TryMultiply<TFormat>(a, b, ref environment, out ulong result)) return result;
        Unpacked x = Unpacked.From<TFormat>(a, environment.DenormalsAreZero);
        Unpacked y = Unpacked.From<TFormat>(b, environment.DenormalsAreZero);
        if (SseOperands.TryNan<TFormat>(x, y, a, b, ref environment, out ulong nan)) return nan;
        bool negative = x.Negative != y.Negative;
        if ((x.IsInfinity && y.IsZero) || (x.IsZero && y.IsInfinity)) return SseOperands.Invalid<TFormat>(ref environment);
        if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return 0;
        if (x.IsInfinity || y.IsInfinity) return SseOperands.Infinity<TFormat>(negative);
        if (x.IsZero || y.IsZero) return SseOperands.Zero<TFormat>(negative);
        return SseOperands.Round<TFormat>(FiniteArithmetic.Multiply(x, y), ref environment);
    }

    /// <summary>a / b.</summary>
    public static ulong Divide<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        if (environment.HostRounds && HostArithmetic.TryDivide<TFormat>(a, b, ref environment, out ulong result)) return result;
        Unpacked x = Unpacked.From<TFormat>(a, environment.DenormalsAreZero);
        Unpacked y = Unpacked.From<TFormat>(b, environment.DenormalsAreZero);
        if (SseOperands.TryNan<TFormat>(x, y, a, b, ref environment, out ulong nan)) return nan;
        bool negative = x.Negative != y.Negative;
        if ((x.IsInfinity && y.IsInfinity) || (x.IsZero && y.IsZero)) return SseOperands.Invalid<TFormat>(ref environment);
        if (y.IsZero && !x.IsInfinity)
        {
            environment.Flags |= FpFlags.ZeroDivide;
            return SseOperands.Infinity<TFormat>(negative);
        }

        if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return 0;
        if (x.IsInfinity) return SseOperands.Infinity<TFormat>(negative);
        if (x.IsZero || y.IsInfinity) return SseOperands.Zero<TFormat>(negative);
        return SseOperands.Round<TFormat>(FiniteArithmetic.Divide(x, y), ref environment);
    }

    /// <summary>The square root.</summary>
    public static ulong SquareRoot<TFormat>(ulong a, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        if (environment.HostRounds && HostArithmetic.TrySquareRoot<TFormat>(a, ref environment, out ulong result)) return result;
        Unpacked x = Unpacked.From<TFormat>(a, environment.DenormalsAreZero);
        if (SseOperands.TryNan<TFormat>(x, x, a, a, ref environment, out ulong nan)) return nan;
        if (x.IsZero) return SseOperands.Zero<TFormat>(x.Negative);
        if (x.Negative) return SseOperands.Invalid<TFormat>(ref environment);
        if (x.IsInfinity) return a;
        if (x.IsDenormal && environment.Raise(FpFlags.Denormal)) return 0;
        return SseOperands.Round<TFormat>(FiniteArithmetic.SquareRoot(x), ref environment);
    }

    /// <summary>The smaller; the second operand whenever they are equal zeros or one is a NaN (MINSS).</summary>
    public static ulong Min<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat => Choose<TFormat>(a, b, FpRelation.Less, ref environment);

    /// <summary>The greater, with the rules of <see cref="Min"/> (MAXSS).</summary>
    public static ulong Max<TFormat>(ulong a, ulong b, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat => Choose<TFormat>(a, b, FpRelation.Greater, ref environment);

    /// <summary>
    /// Orders a and b. A NaN makes them unordered; it is invalid if it signals, or if <paramref name="quietIsInvalid"/> (COMISS).
    /// </summary>
    public static FpRelation Compare<TFormat>(ulong a, ulong b, bool quietIsInvalid, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        if (HostArithmetic.TryCompare<TFormat>(a, b, out FpRelation relation)) return relation;
        Unpacked x = Unpacked.From<TFormat>(a, environment.DenormalsAreZero);
        Unpacked y = Unpacked.From<TFormat>(b, environment.DenormalsAreZero);
        if (x.IsNan || y.IsNan)
        {
            bool signals = x.Class == FpClass.SignalingNan || y.Class == FpClass.SignalingNan;
            if (signals || quietIsInvalid) environment.Flags |= FpFlags.Invalid;
            return FpRelation.Unordered;
        }

        X87Arithmetic.RaiseDenormal(x, y, ref environment);
        return Comparison.Numbers(x, y);
    }

    /// <summary>
    /// The predicate of CMPSS and its kin, bits 2:0 of their immediate: 0 EQ, 1 LT, 2 LE, 3 UNORD, 4 NEQ, 5 NLT, 6 NLE, 7 ORD.
    /// LT and LE and their negations find a quiet NaN invalid (SDM vol. 2, table 3-1).
    /// </summary>
    public static bool Matches<TFormat>(ulong a, ulong b, int predicate, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        bool quietIsInvalid = (predicate & 3) is 1 or 2;
        FpRelation relation = Compare<TFormat>(a, b, quietIsInvalid, ref environment);
        bool holds = (predicate & 3) switch
        {
            0 => relation == FpRelation.Equal,
            1 => relation == FpRelation.Less,
            2 => relation is FpRelation.Less or FpRelation.Equal,
            _ => relation == FpRelation.Unordered,
        };
        return holds != ((predicate & 4) != 0);
    }

    private static ulong AddSigned<TFormat>(ulong a, ulong b, bool subtract, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Unpacked x = Unpacked.From<TFormat>(a, environment.DenormalsAreZero);
        Unpacked y = Unpacked.From<TFormat>(b, environment.DenormalsAreZero);
        if (SseOperands.TryNan<TFormat>(x, y, a, b, ref environment, out ulong nan)) return nan;
        if (subtract) y = y.Negated;
        if (x.IsInfinity && y.IsInfinity && x.Negative != y.Negative) return SseOperands.Invalid<TFormat>(ref environment);
        if (X87Arithmetic.RaiseDenormal(x, y, ref environment)) return 0;
        if (x.IsInfinity || y.IsInfinity) return SseOperands.Infinity<TFormat>(x.IsInfinity ? x.Negative : y.Negative);
        if (x.IsZero && y.IsZero)
            return SseOperands.Zero<TFormat>(x.Negative == y.Negative ? x.Negative : environment.ZeroSumIsNegative);
        // A denormal plus zero is tiny: it goes through rounding, which may flush it or report it.
        if (x.IsZero) return SseOperands.Round<TFormat>(ExactResult.From(y), ref environment);
        if (y.IsZero) return SseOperands.Round<TFormat>(ExactResult.From(x), ref environment);
        return FiniteArithmetic.TryAdd(x, y, out ExactResult sum)
            ? SseOperands.Round<TFormat>(sum, ref environment)
            : SseOperands.Zero<TFormat>(environment.ZeroSumIsNegative);
    }

    private static ulong Choose<TFormat>(ulong a, ulong b, FpRelation wanted, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        FpRelation relation = Compare<TFormat>(a, b, quietIsInvalid: true, ref environment);
        ulong chosen = relation == wanted ? a : b;
        bool isDenormal = (chosen & TFormat.InfinityBits) == 0;
        return environment.DenormalsAreZero && isDenormal ? chosen & TFormat.SignBit : chosen;
    }
}
