namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>binary32.</summary>
internal readonly struct SingleFormat : ISseFormat
{
    /// <inheritdoc/>
    public static FpFormat Format => FpFormat.Single;

    /// <inheritdoc/>
    public static ulong SignBit => 0x8000_0000;

    /// <inheritdoc/>
    public static ulong InfinityBits => 0x7F80_0000;

    /// <inheritdoc/>
    public static ulong QuietBit => 0x0040_0000;

    /// <inheritdoc/>
    public static ulong Indefinite => 0xFFC0_0000;
}
