namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// binary32 or binary64 as a type parameter: the SSE operations are written once, over the bits in the low part of a
/// <see cref="ulong"/>, and compiled twice.
/// </summary>
internal interface ISseFormat
{
    /// <summary>Precision, bias and exponent range.</summary>
    static abstract FpFormat Format { get; }

    /// <summary>The sign bit.</summary>
    static abstract ulong SignBit { get; }

    /// <summary>Infinity without sign: all exponent bits.</summary>
    static abstract ulong InfinityBits { get; }

    /// <summary>The bit that makes a NaN quiet.</summary>
    static abstract ulong QuietBit { get; }

    /// <summary>What a masked invalid operation returns: the negative default NaN.</summary>
    static abstract ulong Indefinite { get; }
}
