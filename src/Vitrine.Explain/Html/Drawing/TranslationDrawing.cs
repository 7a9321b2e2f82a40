using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>
/// The way of an address: CS:RIP, the linear address in its fields, a box for each table, the page, the memory slot, the host's
/// address, and beneath it the shadow page table that makes the same way in one step.
/// </summary>
internal static class TranslationDrawing
{
    private const int Gap = 44;

    /// <summary>Draws it into a page.</summary>
    /// <param name="story">The translation; null when segmentation already stops the fetch.</param>
    /// <param name="fetch">The fetch that it is for, or null.</param>
    /// <param name="id">A prefix for its ids.</param>
    /// <param name="writer">The page.</param>
    public static void Write(TranslationStory? story, FetchStory? fetch, string id, HtmlWriter writer)
    {
        SvgCanvas canvas = new();
        if (fetch is not null) SegmentDrawing.Draw(canvas, fetch.Segment);
        if (story is not null)
        {
            if (fetch is not null) canvas.Bottom += Gap;
            IReadOnlyList<AddressField> fields = AddressSplit.Of(story);
            IReadOnlyDictionary<int, int> middles = AddressBar.Draw(canvas, story.Linear, fields);
            (int X, int Y)? exit = WalkDrawing.Draw(canvas, story, fetch, middles);
            if (exit is { } start && story.Gpa is { } gpa) MemoryDrawing.Draw(canvas, story, gpa, fetch, start);
            if (story.Mmu is { } mmu)
            {
                ShadowDrawing.Draw(canvas, mmu.Shadow, mmu.Shadow, "before", mmu.Evidence);
                ShadowDrawing.Draw(canvas, mmu.ShadowAfter, mmu.Shadow, "after", mmu.Evidence);
            }
        }

        ulong linear = story?.Linear ?? fetch!.Segment.Linear;
        canvas.WriteTo(writer, id, $"The way of {Hex.Of(linear)}", Description(story, fetch));
    }

    private static string Description(TranslationStory? story, FetchStory? fetch)
    {
        string text = fetch is null ? "" : $"CS:RIP {fetch.Segment.Selector:x4}:{Hex.Of(fetch.Segment.Rip)} gives linear address {Hex.Of(fetch.Segment.Linear)}. ";
        if (fetch is { Segment.Fault.Length: > 0 }) text += fetch.Segment.Fault;
        if (story is null) return text;
        foreach (WalkEntry entry in story.Walk) text += $"{entry.Name} {entry.Index}, value {Hex.Of(entry.Value)}: {entry.Decision}. ";
        text += story.Outcome;
        if (story.Gpa is { } gpa) text += $" Guest-physical address {Hex.Of(gpa)}, {(story.Slot is { } slot ? $"in slot {slot.Id}, {slot.Name}" : "in no memory slot")}";
        if (story.Host is { } host) text += $", host-virtual address {Hex.Of(host.HostVirtual)}";
        return text.EndsWith('.') ? text : text + ".";
    }
}
