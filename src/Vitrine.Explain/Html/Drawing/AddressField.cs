namespace Vitrine.Explain.Html.Drawing;

/// <summary>A field of a linear address.</summary>
/// <param name="Name">What it selects.</param>
/// <param name="High">Its highest bit.</param>
/// <param name="Low">Its lowest bit.</param>
/// <param name="Level">The level of the table that it indexes; 0 for the offset, -1 for bits that select nothing.</param>
/// <param name="Used">The walk got as far as using it.</param>
internal readonly record struct AddressField(string Name, int High, int Low, int Level, bool Used)
{
    /// <summary>Number of its bits.</summary>
    public int Size => High - Low + 1;

    /// <summary>Its value in an address.</summary>
    public ulong ValueIn(ulong linear) => (linear >> Low) & (Size == 64 ? ulong.MaxValue : (1UL << Size) - 1);
}
