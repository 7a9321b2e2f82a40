namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// Packed decimal, 80 bits (FBLD, FBSTP): eighteen digits, two to a byte, the sign in bit 79.
/// </summary>
internal static class X87Decimal
{
    private const ulong Limit = 1_000_000_000_000_000_000;

    /// <summary>What an invalid FBSTP stores (SDM vol. 1, table 4-5), low eight bytes and high two.</summary>
    private const ulong IndefiniteLow = 0xC000_0000_0000_0000;
    private const ushort IndefiniteHigh = 0xFFFF;

    /// <summary>Reads a packed decimal. Nibbles above 9 are undefined by the manual; they count with their value here.</summary>
    public static Float80 Load(ulong low, ushort high)
    {
        ulong value = (((ulong)high >> 4) & 15) * 10 + ((ulong)high & 15);
        for (int shift = 60; shift >= 0; shift -= 4) value = unchecked((value * 10) + ((low >> shift) & 15));
        bool negative = (high & 0x8000) != 0;
        return value == 0 ? Float80.SignedZero(negative) : X87Operands.PackExact(Unpacked.From((long)value) with { Negative = negative });
    }

    /// <summary>Rounds to an integer and stores its digits; what needs more than eighteen is invalid.</summary>
    public static ulong Store(Float80 value, ref FpEnvironment environment, out ushort high)
    {
        Unpacked source = Unpacked.From(value);
        ulong magnitude = 0;
        bool inexact = false;
        bool up = false;
        if (source.Class == FpClass.Finite && source.Exponent < 63)
            magnitude = IntegerRounding.Magnitude(source, environment.Rounding, out inexact, out up);
        else if (!source.IsZero)
            magnitude = Limit;
        if (magnitude >= Limit)
        {
            environment.Flags |= FpFlags.Invalid;
            high = IndefiniteHigh;
            return IndefiniteLow;
        }

        if (inexact) environment.Flags |= FpFlags.Precision | (up ? FpFlags.RoundedUp : 0);
        ulong low = 0;
        for (int shift = 0; shift < 64; shift += 4)
        {
            (magnitude, ulong digit) = Math.DivRem(magnitude, 10);
            low |= digit << shift;
        }

        (ulong top, ulong next) = Math.DivRem(magnitude, 10);
        high = (ushort)((top << 4) | next | (source.Negative ? 0x8000UL : 0));
        return low;
    }
}
