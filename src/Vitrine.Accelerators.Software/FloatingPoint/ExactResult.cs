namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// A result before rounding: (High:Low) * 2^(Exponent - 127), bit 63 of High set. Bits that did not fit are
/// OR-ed into bit 0 of Low ("sticky"), which rounds as the exact value would.
/// </summary>
internal readonly record struct ExactResult(bool Negative, int Exponent, ulong High, ulong Low)
{
    /// <summary>High:Low.</summary>
    public UInt128 Significand => new(High, Low);

    /// <summary>An operand as an exact result.</summary>
    public static ExactResult From(in Unpacked value) => new(value.Negative, value.Exponent, value.Significand, 0);

    /// <summary>Normalises a 128-bit significand that is not zero; <paramref name="exponent"/> is the weight of bit 127.</summary>
    public static ExactResult Normalize(bool negative, int exponent, UInt128 significand)
    {
        int shift = (int)UInt128.LeadingZeroCount(significand);
        significand <<= shift;
        return new(negative, exponent - shift, (ulong)(significand >> 64), (ulong)significand);
    }

    /// <summary>Shifts right and keeps a trace of what is lost in bit 0.</summary>
    public static UInt128 ShiftRightSticky(UInt128 value, int count)
    {
        if (count == 0) return value;
        if (count >= 128) return value == UInt128.Zero ? UInt128.Zero : UInt128.One;
        UInt128 lost = value << (128 - count);
        return (value >> count) | (lost == UInt128.Zero ? UInt128.Zero : UInt128.One);
    }
}
