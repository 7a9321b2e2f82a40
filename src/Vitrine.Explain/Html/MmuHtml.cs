using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Html.Drawing;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>The MMU behind the guest's walk.</summary>
internal static class MmuHtml
{
    /// <summary>Writes it.</summary>
    public static void Write(MmuStory mmu, string id, HtmlWriter writer)
    {
        writer.Element("h3", $"The MMU behind it: {mmu.Kind}");
        WriteTables(mmu, mmu.Shadow, mmu.TwoDimensional, "before", id, writer);
        if (mmu.Events.Count > 0)
        {
            writer.Open("p");
            writer.Mark(mmu.Evidence);
            writer.Text(" What happens:");
            writer.Close();
            writer.Open("ol", ("class", "events"));
            foreach (string text in mmu.Events) writer.Element("li", text);
            writer.Close();
        }

        WriteTables(mmu, mmu.ShadowAfter, mmu.TwoDimensionalAfter, "after", id, writer);
        if (mmu.Counters.Count == 0) return;
        FactList facts = new(writer);
        facts.Fact(mmu.Evidence, "counters", string.Join(", ", mmu.Counters.Select(counter => $"{counter.Name} +{counter.By}")));
        facts.Close();
    }

    private static void WriteTables(
        MmuStory mmu, IReadOnlyList<ShadowStep> shadow, IReadOnlyList<TwoDimensionalReference> references, string when, string id, HtmlWriter writer)
    {
        if (references.Count > 0) TwoDimensionalDrawing.Write(references, when, mmu.Evidence, $"{id}-two-dimensional-{when}", writer);
        if (shadow.Count == 0) return;
        HtmlTable table = new(
            writer,
            $"Shadow page table {when}",
            new("level", "number", IsHead: true),
            new("page", "code"),
            new("guest table", "code"),
            new("index", "number"),
            new("entry", "code"),
            new("rights", "code"),
            new("role"));
        foreach (ShadowStep step in shadow)
        {
            table.Row(
                mmu.Evidence,
                step.Present ? null : "odd",
                $"{step.Level}",
                $"#{step.PageNumber}",
                Hex.Of(step.GuestTable),
                $"{step.Index}",
                step.EntryText(),
                step.Flags,
                step.Unsync ? $"{step.Role}, unsync" : step.Role);
        }

        table.Close();
    }
}
