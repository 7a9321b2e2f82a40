namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>Orders operands that are numbers.</summary>
internal static class Comparison
{
    /// <summary>Compares two operands, neither of which is a NaN or unsupported.</summary>
    public static FpRelation Numbers(in Unpacked a, in Unpacked b)
    {
        if (a.IsZero && b.IsZero) return FpRelation.Equal;
        if (a.IsZero) return b.Negative ? FpRelation.Greater : FpRelation.Less;
        if (b.IsZero || a.Negative != b.Negative) return a.Negative ? FpRelation.Less : FpRelation.Greater;
        int magnitude = CompareMagnitude(a, b);
        if (magnitude == 0) return FpRelation.Equal;
        return magnitude < 0 != a.Negative ? FpRelation.Less : FpRelation.Greater;
    }

    private static int CompareMagnitude(in Unpacked a, in Unpacked b)
    {
        if (a.IsInfinity || b.IsInfinity) return a.IsInfinity.CompareTo(b.IsInfinity);
        return a.Exponent != b.Exponent ? a.Exponent.CompareTo(b.Exponent) : a.Significand.CompareTo(b.Significand);
    }
}
