using Vitrine.Explain.Html.Drawing;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>A fetch: its drawing, and the same in words.</summary>
internal static class FetchHtml
{
    /// <summary>Draws it.</summary>
    /// <param name="fetch">The fetch.</param>
    /// <param name="id">A prefix for the ids of its elements, unique in the file.</param>
    /// <param name="writer">Where to.</param>
    public static void WriteDrawing(FetchStory fetch, string id, HtmlWriter writer) => TranslationDrawing.Write(fetch.Translation, fetch, id, writer);

    /// <summary>Writes it in words and tables.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="id">A prefix for the ids of its elements, unique in the file.</param>
    /// <param name="writer">Where to.</param>
    public static void Write(InstructionStory instruction, string id, HtmlWriter writer)
    {
        FetchStory fetch = instruction.Fetch;
        SegmentFact segment = fetch.Segment;
        FactList facts = new(writer);
        facts.Fact(
            segment.Evidence,
            "CS:RIP",
            $"{segment.Selector:x4}:{segment.Rip:x4}, {segment.Mode}; hidden base {Hex.Of(segment.Base)}, limit {Hex.Of(segment.Limit)}, access {Hex.Of(segment.Access)}");
        facts.Fact(segment.Evidence, "linear address", $"{Hex.Of(segment.Linear)}. {segment.Rule}");
        SymbolHtml.Write(instruction.Symbols, facts, "CS:RIP");
        if (segment.Fault.Length > 0) facts.Fact(Evidence.Derived, "stops here", segment.Fault, "stop");
        facts.Close();
        if (fetch.Translation is { } translation) TranslationHtml.WriteBelowLinear(translation, id, writer);
        if (fetch.Rest is { } rest)
        {
            facts = new(writer);
            facts.Fact(Evidence.Observed, "goes on in", $"another page: linear address {Hex.Of(rest.Linear)}");
            facts.Close();
            TranslationHtml.WriteBelowLinear(rest, $"{id}r", writer);
        }

        if (fetch is { Bytes: "", Instruction: "", Stop: "", Delivery.Count: 0 }) return;
        facts = new(writer);
        if (fetch.Bytes.Length > 0) facts.Fact(fetch.Evidence, "bytes", Hex.Spaced(fetch.Bytes), "code");
        if (fetch.Instruction.Length > 0) facts.Fact(fetch.Evidence, "instruction", fetch.Instruction, "code");
        SymbolHtml.Write(instruction.Symbols, facts, "branch target", "call target", "operand");
        if (fetch.Stop.Length > 0) facts.Fact(Evidence.Derived, "stops here", fetch.Stop, "stop");
        foreach (string sentence in fetch.Delivery) facts.Fact(Evidence.Derived, "delivery", sentence, "stop");
        facts.Close();
    }
}
