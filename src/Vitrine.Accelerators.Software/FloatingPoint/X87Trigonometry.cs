namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// FSIN, FCOS, FSINCOS, FPTAN and FPATAN. Angles are reduced by the processor's own pi of 66 bits (SDM vol. 1, 8.3.8), so that large
/// angles give what hardware gives; the reduced angle is evaluated to within one unit in the last place.
/// </summary>
internal static class X87Trigonometry
{
    /// <summary>The processor's pi/2, in units of 2^-65.</summary>
    private static readonly UInt128 HalfPi66 = new(0x3, 0x243F_6A88_85A3_08D3);

    private static readonly Wide Pi = new(false, 1, new(0xC90F_DAA2_2168_C234, 0xC4C6_628B_80DC_1CD1));

    /// <summary>arctan(i / 16) as Q0.128.</summary>
    private static readonly UInt128[] Arctangents =
    [
        new(0x0000_0000_0000_0000, 0x0000_0000_0000_0000),
        new(0x0FFA_ADDB_967E_F4E3, 0x6CB2_792D_C0E2_E0D5),
        new(0x1FD5_BA9A_AC2F_6DC6, 0x5912_F313_E7D1_11DE),
        new(0x2F72_F697_9CB6_044D, 0x1EC2_D3E2_0727_1D21),
        new(0x3EB6_EBF2_5901_BAC5, 0x5B71_E7BD_7DE8_85F9),
        new(0x4D89_DCDC_1FAF_2F34, 0xE2D5_DA4C_693D_7994),
        new(0x5BD8_6507_937B_C239, 0xC551_9091_6E7F_2241),
        new(0x6993_BB0F_308F_F2DB, 0x213E_4AF4_800F_389B),
        new(0x76B1_9C15_86ED_3DA2, 0xB7F2_22F6_5E1D_4681),
        new(0x832B_F4A6_D986_7E2A, 0x4B6A_09CB_61A5_15C0),
        new(0x8F00_5D5E_F7F5_9F9B, 0x5C83_5E16_65C4_3747),
        new(0x9A2F_80E6_71BD_DA20, 0x4226_F8E2_204F_F3BC),
        new(0xA4BC_7D19_34F7_0924, 0x19A8_7F2A_457D_AC9E),
        new(0xAEAC_4C38_B4D8_C080, 0x1472_5E2F_3E52_070A),
        new(0xB805_3E2B_C231_9E73, 0xCB2D_A552_10A4_443D),
        new(0xC0CE_85B8_AC52_6640, 0x89DD_62C4_6E92_FA24),
        new(0xC90F_DAA2_2168_C234, 0xC4C6_628B_80DC_1CD1),
    ];

    /// <summary>The sine; false when the operand is out of range (2^63 and more), C2 then being set and nothing changed.</summary>
    public static bool TrySine(Float80 angle, ref FpEnvironment environment, out Float80 sine) =>
        TrySineAndCosine(angle, ref environment, out sine, out _, wantsSine: true, wantsCosine: false);

    /// <summary>The cosine, as <see cref="TrySine"/>.</summary>
    public static bool TryCosine(Float80 angle, ref FpEnvironment environment, out Float80 cosine) =>
        TrySineAndCosine(angle, ref environment, out _, out cosine, wantsSine: false, wantsCosine: true);

    /// <summary>Both, as <see cref="TrySine"/>.</summary>
    public static bool TrySineAndCosine(Float80 angle, ref FpEnvironment environment, out Float80 sine, out Float80 cosine) =>
        TrySineAndCosine(angle, ref environment, out sine, out cosine, wantsSine: true, wantsCosine: true);

    /// <summary>The tangent, and the 1.0 (or the NaN) that FPTAN pushes above it; false as <see cref="TrySine"/>.</summary>
    public static bool TryTangent(Float80 angle, ref FpEnvironment environment, out Float80 tangent, out Float80 one)
    {
        Unpacked x = Unpacked.From(angle);
        if (IsSpecial(x, ref environment, out tangent, out one, out bool inRange)) return inRange;
        if (x.IsZero)
        {
            tangent = angle;
            one = Float80.One;
            return true;
        }

        int quadrant = Reduce(x, out Wide reduced);
        Wide sine = Sine(reduced);
        Wide cosine = Cosine(reduced);
        Wide quotient = (quadrant & 1) == 0 ? Wide.Divide(sine, cosine) : Wide.Divide(cosine, sine);
        if ((quadrant & 1) != 0) quotient = quotient with { Negative = !quotient.Negative };
        tangent = X87Operands.RoundToExtended(quotient.ToInexact(), ref environment);
        one = Float80.One;
        return true;
    }

    /// <summary>The angle of the point (x, y), in (-pi, pi] with the sign of y (FPATAN: y in ST(1), x in ST(0)).</summary>
    public static Float80 Arctangent(Float80 y, Float80 x, ref FpEnvironment environment)
    {
        Unpacked ordinate = Unpacked.From(y);
        Unpacked abscissa = Unpacked.From(x);
        if (X87Operands.TryNan(abscissa, ordinate, ref environment, out Float80 nan)) return nan;
        if (X87Arithmetic.RaiseDenormal(abscissa, ordinate, ref environment)) return default;
        bool negative = ordinate.Negative;
        Wide angle;
        if (ordinate.IsZero || (abscissa.IsInfinity && !ordinate.IsInfinity))
        {
            if (!abscissa.Negative) return Float80.SignedZero(negative);
            angle = Pi;
        }
        else if (abscissa.IsInfinity)
        {
            Wide quarter = Pi with { Exponent = Pi.Exponent - 2 };
            angle = abscissa.Negative ? Subtract(Pi, quarter) : quarter;
        }
        else if (abscissa.IsZero || ordinate.IsInfinity)
        {
            angle = Pi with { Exponent = Pi.Exponent - 1 };
        }
        else
        {
            angle = FirstQuadrantArctangent(Wide.From(ordinate).Magnitude, Wide.From(abscissa).Magnitude);
            if (abscissa.Negative) angle = Subtract(Pi, angle);
        }

        return X87Operands.RoundToExtended((angle with { Negative = negative }).ToInexact(), ref environment);
    }

    private static bool TrySineAndCosine(
        Float80 angle, ref FpEnvironment environment, out Float80 sine, out Float80 cosine, bool wantsSine, bool wantsCosine)
    {
        Unpacked x = Unpacked.From(angle);
        if (IsSpecial(x, ref environment, out sine, out cosine, out bool inRange)) return inRange;
        if (x.IsZero)
        {
            sine = angle;
            cosine = Float80.One;
            return true;
        }

        int quadrant = Reduce(x, out Wide reduced);
        if (wantsSine) sine = Quadrant(quadrant, reduced, ref environment);
        if (wantsCosine) cosine = Quadrant(quadrant + 1, reduced, ref environment);
        return true;
    }

    /// <summary>NaNs, infinities, what is out of range, and an unmasked denormal.</summary>
    private static bool IsSpecial(
        in Unpacked x, ref FpEnvironment environment, out Float80 first, out Float80 second, out bool inRange)
    {
        inRange = true;
        if (X87Operands.TryNan(x, ref environment, out first))
        {
            second = first;
            return true;
        }

        second = default;
        if (x.IsInfinity)
        {
            first = second = X87Operands.Invalid(ref environment);
            return true;
        }

        if (x.Class == FpClass.Finite && x.Exponent >= 63)
        {
            inRange = false;
            return true;
        }

        return x.IsDenormal && environment.Raise(FpFlags.Denormal);
    }

    /// <summary>Takes the nearest multiple of pi/2 away; returns which one, modulo 4.</summary>
    private static int Reduce(in Unpacked angle, out Wide reduced)
    {
        // Below 1/2 there is nothing to take away. Above, the angle is a whole number of units of 2^-65 and so fits 128 bits.
        if (angle.Exponent < -1)
        {
            reduced = Wide.From(angle);
            return 0;
        }

        UInt128 units = (UInt128)angle.Significand << (angle.Exponent + 2);
        UInt128 multiple = units / HalfPi66;
        UInt128 rest = units - (multiple * HalfPi66);
        bool negative = angle.Negative;
        if (rest > HalfPi66 >> 1)
        {
            rest = HalfPi66 - rest;
            multiple++;
            negative = !negative;
        }

        reduced = Wide.FromFixed(negative, rest, 127 - 65);
        int quadrant = (int)(multiple & 3);
        return angle.Negative ? -quadrant & 3 : quadrant;
    }

    private static Float80 Quadrant(int quadrant, in Wide reduced, ref FpEnvironment environment)
    {
        Wide value = (quadrant & 1) == 0 ? Sine(reduced) : Cosine(reduced);
        if ((quadrant & 2) != 0) value = value with { Negative = !value.Negative };
        return X87Operands.RoundToExtended(value.ToInexact(), ref environment);
    }

    /// <summary>r (1 - r^2/3! + r^4/5! - ...), nested; |r| at most pi/4.</summary>
    private static Wide Sine(in Wide angle)
    {
        UInt128 square = angle.SquareToFraction();
        UInt128 sum = Wide.FixedOne;
        for (int k = 24; k >= 2; k -= 2) sum = Wide.FixedOne - (Wide.MultiplyHigh(sum, square) / (uint)(k * (k + 1))) - 1;
        return Wide.Multiply(angle, Wide.FromFixed(false, sum, 0));
    }

    /// <summary>1 - r^2/2! + r^4/4! - ..., nested.</summary>
    private static Wide Cosine(in Wide angle)
    {
        UInt128 square = angle.SquareToFraction();
        UInt128 sum = Wide.FixedOne;
        for (int k = 25; k >= 1; k -= 2) sum = Wide.FixedOne - (Wide.MultiplyHigh(sum, square) / (uint)(k * (k + 1))) - 1;
        return Wide.FromFixed(false, sum, 0);
    }

    private static Wide FirstQuadrantArctangent(in Wide y, in Wide x)
    {
        bool isSteep = y.Exponent != x.Exponent ? y.Exponent > x.Exponent : y.Significand > x.Significand;
        Wide ratio = isSteep ? Wide.Divide(x, y) : Wide.Divide(y, x);
        Wide angle = ratio.Exponent switch
        {
            >= 0 => Pi with { Exponent = Pi.Exponent - 2 },
            >= -5 => TabledArctangent(ratio.ToFraction()),
            _ => Wide.Multiply(ratio, Wide.FromFixed(false, ArctangentSeries(ratio.SquareToFraction()), 0)),
        };
        return isSteep ? Subtract(Pi with { Exponent = Pi.Exponent - 1 }, angle) : angle;
    }

    /// <summary>arctan t = arctan c + arctan((t - c) / (1 + t c)), c the nearest sixteenth; t is Q0.128, at least 1/32.</summary>
    private static Wide TabledArctangent(UInt128 ratio)
    {
        int index = (int)(((ratio >> 123) + 1) >> 1);
        UInt128 half = ratio >> 1;
        UInt128 center = (UInt128)(uint)index << 123;
        bool below = half < center;
        UInt128 denominator = Wide.FixedOne + ((half >> 4) * (uint)index);
        UInt128 step = Wide.DivideFraction(below ? center - half : half - center, denominator);
        UInt128 correction = Wide.MultiplyHigh(ArctangentSeries(Wide.MultiplyHigh(step, step)), step) << 1;
        return Wide.FromFixed(false, below ? Arctangents[index] - correction : Arctangents[index] + correction, -1);
    }

    /// <summary>1 - u/3 + u^2/5 - ... in Q1.127, where u = t^2 is at most 2^-10.</summary>
    private static UInt128 ArctangentSeries(UInt128 square)
    {
        UInt128 sum = UInt128.Zero;
        for (int k = 23; k >= 1; k -= 2) sum = (Wide.FixedOne / (uint)k) - Wide.MultiplyHigh(sum, square) - 1;
        return sum;
    }

    private static Wide Subtract(in Wide a, in Wide b) => Wide.Add(a, b with { Negative = !b.Negative });
}
