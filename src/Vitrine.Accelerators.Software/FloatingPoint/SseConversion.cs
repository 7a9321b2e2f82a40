namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>SSE conversions between the two formats and integers, and ROUNDSS.</summary>
internal static class SseConversion
{
    /// <summary>Between binary32 and binary64 (CVTSS2SD, CVTSD2SS).</summary>
    public static ulong Convert<TFrom, TTo>(ulong bits, ref FpEnvironment environment)
        where TFrom : struct, ISseFormat
        where TTo : struct, ISseFormat
    {
        if (environment.HostRounds && HostArithmetic.TryConvert<TFrom, TTo>(bits, ref environment, out ulong result)) return result;
        Unpacked value = Unpacked.From<TFrom>(bits, environment.DenormalsAreZero);
        switch (value.Class)
        {
            case FpClass.SignalingNan:
                environment.Flags |= FpFlags.Invalid;
                return SseOperands.PackNan<TTo>(value);
            case FpClass.QuietNan:
                return SseOperands.PackNan<TTo>(value);
            case FpClass.Infinity:
                return SseOperands.Infinity<TTo>(value.Negative);
            case FpClass.Zero:
                return SseOperands.Zero<TTo>(value.Negative);
            default:
                if (value.IsDenormal && environment.Raise(FpFlags.Denormal)) return 0;
                return SseOperands.Round<TTo>(ExactResult.From(value), ref environment);
        }
    }

    /// <summary>From a signed integer of 32 or 64 bits (CVTSI2SS, CVTSI2SD, CVTDQ2PS, CVTDQ2PD).</summary>
    public static ulong FromInteger<TFormat>(long value, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        if (value == 0) return 0;
        if (environment.HostRounds && HostArithmetic.TryFromInteger<TFormat>(value, ref environment, out ulong result)) return result;
        return SseOperands.Round<TFormat>(ExactResult.From(Unpacked.From(value)), ref environment);
    }

    /// <summary>
    /// To a signed integer of 32 or 64 bits, in <paramref name="mode"/> (zero for the truncating forms). A denormal operand is
    /// not reported, only the loss of precision.
    /// </summary>
    public static long ToInteger<TFormat>(ulong value, RoundingMode mode, int bits, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat =>
        HostArithmetic.TryToInteger<TFormat>(value, mode, bits, ref environment, out long result)
            ? result
            : IntegerRounding.ToInteger(Unpacked.From<TFormat>(value, environment.DenormalsAreZero), mode, bits, ref environment);

    /// <summary>
    /// Rounds to an integral value (ROUNDSS). Immediate bits 1:0 are the mode, bit 2 takes the mode from MXCSR instead, bit 3
    /// suppresses the precision exception.
    /// </summary>
    public static ulong RoundToIntegral<TFormat>(ulong bits, int immediate, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat
    {
        Unpacked value = Unpacked.From<TFormat>(bits, environment.DenormalsAreZero);
        switch (value.Class)
        {
            case FpClass.SignalingNan:
                environment.Flags |= FpFlags.Invalid;
                return bits | TFormat.QuietBit;
            case FpClass.QuietNan or FpClass.Infinity:
                return bits;
            case FpClass.Zero:
                return SseOperands.Zero<TFormat>(value.Negative);
        }

        RoundingMode mode = (immediate & 4) != 0 ? environment.Rounding : (RoundingMode)(immediate & 3);
        if (!IntegerRounding.TryRound(value, mode, out Unpacked rounded, out bool inexact, out _)) return bits;
        if (inexact && (immediate & 8) == 0) environment.Flags |= FpFlags.Precision;
        if (rounded.IsZero) return SseOperands.Zero<TFormat>(value.Negative);
        // The integral value of a number fits its format, so nothing more is raised here.
        return SseOperands.Round<TFormat>(ExactResult.From(rounded), ref environment);
    }
}
