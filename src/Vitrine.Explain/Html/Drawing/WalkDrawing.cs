using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>The guest's page walk: CR3, a box for each table, and the page, or what stops the walk.</summary>
internal static class WalkDrawing
{
    private const int RootWidth = 104;
    private const int WidestTable = 204;
    private const int NarrowestGap = 34;
    private const int LeastEndWidth = 150;
    private const int Lane = 9;

    /// <summary>Draws it.</summary>
    /// <returns>Where the guest-physical address comes out; null when the walk stops.</returns>
    public static (int X, int Y)? Draw(SvgCanvas canvas, TranslationStory story, FetchStory? fetch, IReadOnlyDictionary<int, int> middles)
    {
        int barBottom = canvas.Bottom;
        if (story.Walk.Count == 0) return DrawWithoutWalk(canvas, story, barBottom);
        int count = story.Walk.Count;
        int top = barBottom + 30 + ((count + 1) * Lane);
        int pitch = Math.Min(WidestTable + 56, (SvgCanvas.Width - RootWidth - NarrowestGap - LeastEndWidth) / count);
        int width = Math.Min(WidestTable, pitch - NarrowestGap);
        int left = RootWidth + pitch - width;
        DrawRoot(canvas, story, top);
        (int X, int Y) pointer = (RootWidth, top + 21);
        int bottom = top;
        for (int i = 0; i < count; i++)
        {
            WalkEntry entry = story.Walk[i];
            TableBox box = Table(story, i, left + (i * pitch), top, width);
            box.Draw(canvas);
            EntryTip.Add(canvas, box, entry, story.HasWideEntries());
            Point(canvas, pointer, box);
            IndexLine(canvas, middles, entry.Level, barBottom, i, box);
            pointer = (box.X + box.Width, box.EntryY);
            int decisionEnd = canvas.Paragraph(box.X, box.Bottom + 17, width, entry.Decision, "small faint", lines: 4);
            bottom = Math.Max(bottom, decisionEnd);
        }

        int endX = left + (count * pitch);
        (int X, int Y)? exit;
        int endBottom;
        if (story.Gpa is { } gpa)
        {
            TableBox page = Page(story, fetch, gpa, endX, top);
            page.Draw(canvas);
            Point(canvas, pointer, page);
            IndexLine(canvas, middles, 0, barBottom, count, page);
            exit = (page.X + (page.Width / 2), page.Bottom);
            endBottom = page.Bottom;
        }
        else
        {
            endBottom = DrawStop(canvas, story.Outcome, endX, top, pointer);
            exit = null;
        }

        canvas.Bottom = Math.Max(bottom, endBottom) + 6;
        return exit;
    }

    private static (int X, int Y)? DrawWithoutWalk(SvgCanvas canvas, TranslationStory story, int barBottom)
    {
        SegmentDrawing.Box(canvas, 0, barBottom + 24, 250, "CR3", Hex.Of(story.Cr3), story.Gpa is null ? "" : "not used", Evidence.Observed, "plain unused");
        if (story.Gpa is not null)
        {
            canvas.Text(594, barBottom + 62, "the guest-physical address is the linear address", "small faint");
            canvas.Bottom = barBottom + 96;
            return (SvgCanvas.Width / 2, barBottom);
        }

        canvas.Line("pointer stop", (SvgCanvas.Width / 2, barBottom), (SvgCanvas.Width / 2, barBottom + 24));
        canvas.Box(300, barBottom + 24, SvgCanvas.Width - 300, 66, "box stop");
        canvas.Text(314, barBottom + 46, "Stops here", "strong stopped");
        canvas.Paragraph(314, barBottom + 64, SvgCanvas.Width - 330, story.Outcome, "small stopped", lines: 2);
        canvas.Bottom = barBottom + 96;
        return null;
    }

    private static void DrawRoot(SvgCanvas canvas, TranslationStory story, int top)
    {
        canvas.Begin("g", ("class", "fact root"));
        canvas.Box(0, top, RootWidth, 42, "box plain");
        canvas.Text(8, top + 17, "CR3", "strong");
        canvas.Text(8, top + 34, Hex.Of(story.Cr3), "code faint");
        canvas.Mark(RootWidth, top, Evidence.Observed);
        canvas.End();
    }

    private static TableBox Table(TranslationStory story, int number, int x, int y, int width)
    {
        WalkEntry entry = story.Walk[number];
        bool stops = story.Gpa is null && number == story.Walk.Count - 1;
        bool wide = story.HasWideEntries();
        return new TableBox
        {
            X = x,
            Y = y,
            Width = width,
            Title = entry.IsRegister() ? "PDPTE registers" : AddressSplit.TableName(entry.Level),
            Place = entry.IsRegister() ? "loaded with CR3" : $"at {Hex.Of(entry.Table)}",
            Evidence = entry.Evidence,
            Index = entry.Index,
            Last = entry.IsRegister() ? 3 : wide ? 511 : 1023,
            Value = wide ? Hex.Wide(entry.Value) : $"0x{entry.Value:x8}",
            Detail = !entry.InMemory ? "no memory here: all ones" : entry.Bits.Count == 0 ? "no bit set" : string.Join(' ', entry.Bits),
            Style = stops ? "stop" : "taken",
        };
    }

    private static TableBox Page(TranslationStory story, FetchStory? fetch, ulong gpa, int x, int y)
    {
        ulong size = story.PageSize ?? 4096;
        string bytes = fetch is null ? "" : Hex.Spaced(fetch.Bytes.Length > 10 ? fetch.Bytes[..10] : fetch.Bytes);
        return new TableBox
        {
            X = x,
            Y = y,
            Width = Math.Min(WidestTable, SvgCanvas.Width - x),
            Title = $"{Hex.Size(size).Replace(' ', '-')} page",
            Place = $"at {Hex.Of(gpa & ~(size - 1))}",
            Evidence = Evidence.Derived,
            Index = 1,
            Last = 2,
            Label = "+",
            Value = Hex.Of(gpa & (size - 1)),
            Detail = bytes,
            Style = "taken",
        };
    }

    private static int DrawStop(SvgCanvas canvas, string outcome, int x, int top, (int X, int Y) pointer)
    {
        int width = Math.Min(380, SvgCanvas.Width - x);
        canvas.Begin("g", ("class", "halt"));
        int height = Math.Max(40 + SvgCanvas.ParagraphHeight(width - 20, outcome), pointer.Y + 14 - top);
        canvas.Box(x, top, width, height, "box stop back");
        canvas.Text(x + 12, top + 20, "Stops here", "strong stopped");
        canvas.Paragraph(x + 12, top + 40, width - 20, outcome, "small stopped");
        canvas.Line("pointer stop", pointer, (x, pointer.Y));
        canvas.End();
        return top + height;
    }

    private static void Point(SvgCanvas canvas, (int X, int Y) from, TableBox box)
    {
        (int x, int y) = box.Entrance;
        if (from.Y == y) canvas.Line("pointer", from, (x, y));
        else canvas.Line("pointer", from, (from.X + 12, from.Y), (from.X + 12, y), (x, y));
    }

    // From the field down to a lane of its own, along it, and down again to the entry.
    private static void IndexLine(SvgCanvas canvas, IReadOnlyDictionary<int, int> middles, int level, int barBottom, int number, TableBox box)
    {
        if (!middles.TryGetValue(level, out int x)) return;
        int target = box.X - 9;
        int lane = barBottom + 12 + (number * Lane);
        canvas.Line($"index level{level}", (x, barBottom), (x, lane), (target, lane), (target, box.EntryY), (box.X, box.EntryY));
    }
}
