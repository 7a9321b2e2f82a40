namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>binary64.</summary>
internal readonly struct DoubleFormat : ISseFormat
{
    /// <inheritdoc/>
    public static FpFormat Format => FpFormat.Double;

    /// <inheritdoc/>
    public static ulong SignBit => 0x8000_0000_0000_0000;

    /// <inheritdoc/>
    public static ulong InfinityBits => 0x7FF0_0000_0000_0000;

    /// <inheritdoc/>
    public static ulong QuietBit => 0x0008_0000_0000_0000;

    /// <inheritdoc/>
    public static ulong Indefinite => 0xFFF8_0000_0000_0000;
}
