namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Between x87 registers and the other formats in memory, and FRNDINT.</summary>
internal static class X87Conversion
{
    /// <summary>Loads a binary32 or binary64 (FLD m32fp, m64fp): exact; denormals and signalling NaNs are reported.</summary>
    public static Float80 FromBinary<TFormat>(ulong bits, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Unpacked value = Unpacked.From<TFormat>(bits, denormalsAreZero: false);
        if (value.Class == FpClass.SignalingNan) environment.Flags |= FpFlags.Invalid;
        if (value.IsDenormal) environment.Flags |= FpFlags.Denormal;
        return X87Operands.PackExact(value);
    }

    /// <summary>
    /// Rounds to binary32 or binary64 (FST m32fp, m64fp). Nothing is to be stored when invalid, overflow or underflow is
    /// raised unmasked.
    /// </summary>
    public static ulong ToBinary<TFormat>(Float80 value, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Unpacked source = Unpacked.From(value);
        switch (source.Class)
        {
            case FpClass.Unsupported:
                environment.Flags |= FpFlags.Invalid;
                return TFormat.Indefinite;
            case FpClass.SignalingNan:
                environment.Flags |= FpFlags.Invalid;
                return SseOperands.PackNan<TFormat>(source);
            case FpClass.QuietNan:
                return SseOperands.PackNan<TFormat>(source);
            case FpClass.Infinity:
                return SseOperands.Infinity<TFormat>(source.Negative);
            case FpClass.Zero:
                return SseOperands.Zero<TFormat>(source.Negative);
            default:
                ulong result = SseOperands.Round<TFormat>(ExactResult.From(source), ref environment);
                // Nothing is stored then, so that nothing was rounded either.
                if ((environment.Unmasked & (FpFlags.Overflow | FpFlags.Underflow)) != 0)
                    environment.Flags &= ~(FpFlags.Precision | FpFlags.RoundedUp);
                return result;
        }
    }

    /// <summary>Loads an integer (FILD): always exact.</summary>
    public static Float80 FromInteger(long value) => X87Operands.PackExact(Unpacked.From(value));

    /// <summary>Rounds to an integer of 16, 32 or 64 bits (FIST; FISTTP with <see cref="RoundingMode.Zero"/>).</summary>
    public static long ToInteger(Float80 value, RoundingMode mode, int bits, ref FpEnvironment environment) =>
        IntegerRounding.ToInteger(Unpacked.From(value), mode, bits, ref environment);

    /// <summary>Rounds to an integral value (FRNDINT).</summary>
    public static Float80 RoundToIntegral(Float80 value, ref FpEnvironment environment)
    {
        Unpacked source = Unpacked.From(value);
        if (X87Operands.TryNan(source, ref environment, out Float80 nan)) return nan;
        if (source.Class != FpClass.Finite) return value;
        if (source.IsDenormal && environment.Raise(FpFlags.Denormal)) return default;
        if (!IntegerRounding.TryRound(source, environment.Rounding, out Unpacked rounded, out bool inexact, out bool up))
            return value;
        if (inexact) environment.Flags |= FpFlags.Precision | (up ? FpFlags.RoundedUp : 0);
        return X87Operands.PackExact(rounded);
    }
}
