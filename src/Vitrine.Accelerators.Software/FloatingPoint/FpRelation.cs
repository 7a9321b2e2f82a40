namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>The outcome of a comparison.</summary>
internal enum FpRelation
{
    /// <summary>The first operand is smaller.</summary>
    Less,

    /// <summary>Equal; zeros of either sign are.</summary>
    Equal,

    /// <summary>The first operand is greater.</summary>
    Greater,

    /// <summary>A NaN (or an unsupported encoding) is involved.</summary>
    Unordered,
}
