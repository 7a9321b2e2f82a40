namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// The x87 double extended-precision format as it lies in memory:
/// <code>
///  79 78          64 63 62                    0
/// | S | exponent    | J | fraction             |   J: explicit integer bit
/// </code>
/// </summary>
internal readonly record struct Float80(ulong Significand, ushort SignExponent)
{
    /// <summary>The explicit integer bit J.</summary>
    public const ulong IntegerBit = 1UL << 63;

    /// <summary>Bit 62, which tells a quiet NaN from a signalling one.</summary>
    public const ulong QuietBit = 1UL << 62;

    /// <summary>What a masked invalid operation returns: the negative quiet NaN "real indefinite".</summary>
    public static Float80 Indefinite => new(IntegerBit | QuietBit, 0xFFFF);

    /// <summary>+0.</summary>
    public static Float80 Zero => default;

    /// <summary>+1.</summary>
    public static Float80 One => new(IntegerBit, 0x3FFF);

    /// <summary>The sign bit.</summary>
    public bool IsNegative => (SignExponent & 0x8000) != 0;

    /// <summary>The biased exponent, 0 to 0x7FFF.</summary>
    public int BiasedExponent => SignExponent & 0x7FFF;

    /// <summary>Zero of the given sign.</summary>
    public static Float80 SignedZero(bool negative) => new(0, Sign(negative));

    /// <summary>Infinity of the given sign.</summary>
    public static Float80 Infinity(bool negative) => new(IntegerBit, (ushort)(Sign(negative) | 0x7FFF));

    private static ushort Sign(bool negative) => negative ? (ushort)0x8000 : (ushort)0;
}
