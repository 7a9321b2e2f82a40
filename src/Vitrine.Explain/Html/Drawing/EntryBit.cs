namespace Vitrine.Explain.Html.Drawing;

/// <summary>A field of a page-table entry.</summary>
/// <param name="High">Its highest bit.</param>
/// <param name="Low">Its lowest bit.</param>
/// <param name="Name">Its name in the manual; empty for bits that the processor ignores.</param>
/// <param name="Meaning">What its value says.</param>
internal readonly record struct EntryBit(int High, int Low, string Name, string Meaning)
{
    /// <summary>Its value in an entry.</summary>
    public ulong ValueIn(ulong entry) => (entry >> Low) & ((1UL << (High - Low + 1)) - 1);
}
