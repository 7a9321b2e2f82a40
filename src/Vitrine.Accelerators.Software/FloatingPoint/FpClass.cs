namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>What an operand is, after unpacking.</summary>
internal enum FpClass
{
    /// <summary>Zero (or a denormal under DAZ).</summary>
    Zero,

    /// <summary>Normal or denormal, not zero.</summary>
    Finite,

    /// <summary>Infinity.</summary>
    Infinity,

    /// <summary>Quiet NaN.</summary>
    QuietNan,

    /// <summary>Signalling NaN.</summary>
    SignalingNan,

    /// <summary>An 80-bit encoding no processor since the 387 supports: unnormal, pseudo-infinity, pseudo-NaN (SDM vol. 1, 8.2.2).</summary>
    Unsupported,
}
