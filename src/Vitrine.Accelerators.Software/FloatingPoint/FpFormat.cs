namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>The parameters of a binary format.</summary>
/// <param name="Precision">Bits of the significand, the integer bit included.</param>
/// <param name="Bias">Exponent bias.</param>
/// <param name="InfinityExponent">The biased exponent of infinities and NaNs.</param>
/// <param name="UnmaskedAdjustment">
/// What is added to (underflow) or taken from (overflow) the exponent when the exception is unmasked and a result is still
/// delivered: 24576 in x87 registers (SDM vol. 1, 8.5.4 and 8.5.5), 0 where nothing is delivered.
/// </param>
internal readonly record struct FpFormat(int Precision, int Bias, int InfinityExponent, int UnmaskedAdjustment)
{
    /// <summary>IEEE 754 binary16.</summary>
    public static FpFormat Half => new(11, 15, 0x1F, 0);

    /// <summary>IEEE 754 binary32.</summary>
    public static FpFormat Single => new(24, 127, 0xFF, 0);

    /// <summary>IEEE 754 binary64.</summary>
    public static FpFormat Double => new(53, 1023, 0x7FF, 0);

    /// <summary>An x87 register, results of full width.</summary>
    public static FpFormat Extended => new(64, 16383, 0x7FFF, 24576);

    /// <summary>An x87 register under precision control: the significand narrows, the exponent range stays.</summary>
    public static FpFormat ExtendedWith(int precision) => new(precision, 16383, 0x7FFF, 24576);

    /// <summary>Whether an unmasked overflow or underflow still delivers a result.</summary>
    public bool IsDelivered => UnmaskedAdjustment != 0;

    /// <summary>The unbiased exponent of the smallest normal number.</summary>
    public int MinExponent => 1 - Bias;

    /// <summary>The unbiased exponent of the largest finite numbers.</summary>
    public int MaxExponent => InfinityExponent - 1 - Bias;
}
