namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>What all x87 operations do with their operands first, and how they pack their results.</summary>
internal static class X87Operands
{
    /// <summary>
    /// Deals with a NaN or unsupported operand; true when <paramref name="result"/> is then the result. Of two NaNs x87 takes
    /// the quiet one, of two alike the one with the larger significand (SDM vol. 1, table 4-7).
    /// </summary>
    public static bool TryNan(in Unpacked a, in Unpacked b, ref FpEnvironment environment, out Float80 result)
    {
        if (a.Class < FpClass.QuietNan && b.Class < FpClass.QuietNan)
        {
            result = default;
            return false;
        }

        if (a.Class == FpClass.Unsupported || b.Class == FpClass.Unsupported)
        {
            environment.Flags |= FpFlags.Invalid;
            result = Float80.Indefinite;
            return true;
        }

        if (a.Class == FpClass.SignalingNan || b.Class == FpClass.SignalingNan) environment.Flags |= FpFlags.Invalid;
        result = PackExact(ChooseSecond(a, b) ? b : a);
        return true;
    }

    /// <summary>The same for one operand.</summary>
    public static bool TryNan(in Unpacked a, ref FpEnvironment environment, out Float80 result)
    {
        switch (a.Class)
        {
            case FpClass.Unsupported:
                environment.Flags |= FpFlags.Invalid;
                result = Float80.Indefinite;
                return true;
            case FpClass.SignalingNan:
                environment.Flags |= FpFlags.Invalid;
                result = PackExact(a);
                return true;
            case FpClass.QuietNan:
                result = PackExact(a);
                return true;
            default:
                result = default;
                return false;
        }
    }

    /// <summary>Raises invalid and gives the real indefinite.</summary>
    public static Float80 Invalid(ref FpEnvironment environment)
    {
        environment.Flags |= FpFlags.Invalid;
        return Float80.Indefinite;
    }

    /// <summary>Rounds to the precision that the control word demands of the arithmetic instructions.</summary>
    public static Float80 RoundToControl(in ExactResult exact, ref FpEnvironment environment) =>
        Pack(Rounder.Round(exact, FpFormat.ExtendedWith(environment.Precision), ref environment));

    /// <summary>Rounds to 64 bits whatever the precision control says.</summary>
    public static Float80 RoundToExtended(in ExactResult exact, ref FpEnvironment environment) =>
        Pack(Rounder.Round(exact, FpFormat.Extended, ref environment));

    /// <summary>An operand that is a normal number, zero or infinity as a register value; a NaN made quiet.</summary>
    public static Float80 PackExact(in Unpacked value) => value.Class switch
    {
        FpClass.Zero => Float80.SignedZero(value.Negative),
        FpClass.Infinity => Float80.Infinity(value.Negative),
        FpClass.Finite => Pack(new(value.Negative, value.Exponent + 16383, value.Significand)),
        _ => new(value.Significand | Float80.QuietBit, (ushort)(value.Negative ? 0xFFFF : 0x7FFF)),
    };

    private static Float80 Pack(Rounder.Rounded value) =>
        new(value.Significand, (ushort)(value.BiasedExponent | (value.Negative ? 0x8000 : 0)));

    private static bool ChooseSecond(in Unpacked a, in Unpacked b)
    {
        if (!b.IsNan) return false;
        if (!a.IsNan) return true;
        if (a.Class != b.Class) return b.Class == FpClass.QuietNan;
        // Of equal significands processors return the positive one.
        return a.Significand != b.Significand ? b.Significand > a.Significand : a.Negative && !b.Negative;
    }
}
