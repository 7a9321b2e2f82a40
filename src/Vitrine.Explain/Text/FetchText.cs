using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>A fetch as text.</summary>
internal static class FetchText
{
    /// <summary>Writes it.</summary>
    /// <param name="fetch">The fetch.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="symbols">Names of its addresses; null for none.</param>
    /// <param name="brief">Leave out what was told of the instruction before: where bases come from, what CR3 isn't used for.</param>
    public static void Write(FetchStory fetch, StoryWriter writer, bool brief = false, IReadOnlyList<SymbolFact>? symbols = null)
    {
        SegmentFact segment = fetch.Segment;
        writer.Fact(
            segment.Evidence,
            "CS:RIP",
            $"{segment.Selector:x4}:{segment.Rip:x4}, {segment.Mode}; hidden base {Hex.Of(segment.Base)}, limit {Hex.Of(segment.Limit)}, access {Hex.Of(segment.Access)}");
        writer.Fact(segment.Evidence, "linear address", brief ? Hex.Of(segment.Linear) : $"{Hex.Of(segment.Linear)}. {segment.Rule}");
        SymbolText.Write(symbols, writer, "CS:RIP");
        if (segment.Fault.Length > 0) writer.Fact(Evidence.Derived, "stops here", segment.Fault, TextStyle.Bad);
        if (fetch.Translation is { } translation) TranslationText.WriteBelowLinear(translation, writer, brief);
        if (fetch.Rest is { } rest)
        {
            writer.Subheading("the instruction goes on in another page");
            TranslationText.Write(rest, writer);
            writer.Gap();
        }

        if (fetch.Bytes.Length > 0) writer.Fact(fetch.Evidence, "bytes", Hex.Spaced(fetch.Bytes), TextStyle.Accent);
        if (fetch.Instruction.Length > 0) writer.Fact(fetch.Evidence, "instruction", fetch.Instruction, TextStyle.Accent);
        SymbolText.Write(symbols, writer, "branch target", "call target", "operand");
        if (fetch.Stop.Length > 0) writer.Fact(Evidence.Derived, "stops here", fetch.Stop, TextStyle.Bad);
        foreach (string sentence in fetch.Delivery) writer.Fact(Evidence.Derived, "delivery", sentence, TextStyle.Bad);
    }
}
