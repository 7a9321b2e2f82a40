using System.Globalization;
using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>
/// The two-dimensional walk as a grid: a row for each guest level and one for the page itself, a column for each second-level
/// reference and one for the guest's own entry, numbered in the order in which they are made.
/// </summary>
internal static class TwoDimensionalDrawing
{
    private const int HeadWidth = 176;
    private const int RowHeight = 58;
    private const int HeadHeight = 30;
    private const int Columns = 5;
    private const int ColumnWidth = (SvgCanvas.Width - HeadWidth) / Columns;

    /// <summary>Draws it into a page.</summary>
    public static void Write(IReadOnlyList<TwoDimensionalReference> references, string when, Evidence evidence, string id, HtmlWriter writer)
    {
        SvgCanvas canvas = new();
        for (int level = 4; level > 0; level--) Head(canvas, 4 - level, $"second level, L{level}");
        Head(canvas, Columns - 1, "the guest's own entry");
        int y = HeadHeight;
        int number = 0;
        foreach (IGrouping<int, (TwoDimensionalReference Reference, int Number)> row in references
            .Select((reference, index) => (reference, index + 1))
            .GroupBy(item => item.reference.GuestLevel))
        {
            number = DrawRow(canvas, row.Key, [.. row], y, evidence);
            y += RowHeight;
        }

        canvas.Bottom = y + 4;
        string title = string.Create(
            CultureInfo.InvariantCulture, $"Two-dimensional walk {when}: {references.Count} memory references when nothing is cached{(references[^1].Present ? "" : ", the last to an absent entry")}");
        canvas.WriteTo(
            writer,
            id,
            title,
            $"A grid of {number} references. Rows are guest levels, columns the second-level entries for the address of the row's table, then the guest's entry.");
    }

    private static int DrawRow(SvgCanvas canvas, int level, (TwoDimensionalReference Reference, int Number)[] row, int y, Evidence evidence)
    {
        canvas.Begin("g", ("class", "fact"));
        canvas.Box(0, y, HeadWidth - 6, RowHeight - 6, $"box level{level}");
        canvas.Text(10, y + 20, level == 0 ? "the page itself" : $"guest {PageTableEntryText.Name(level)}", "strong");
        canvas.Text(10, y + 38, Hex.Of(row[0].Reference.Address), "code");
        canvas.Mark(HeadWidth - 6, y, evidence);
        canvas.End();
        int last = row[^1].Number;
        int previous = -1;
        foreach ((TwoDimensionalReference reference, int number) in row)
        {
            int column = reference.HostLevel == 0 ? Columns - 1 : 4 - reference.HostLevel;
            int x = HeadWidth + (column * ColumnWidth);
            if (previous >= 0) canvas.Line("pointer", (previous, y + 26), (x, y + 26));
            DrawCell(canvas, reference, number, x, y);
            previous = x + ColumnWidth - 22;
        }

        return last;
    }

    private static void DrawCell(SvgCanvas canvas, TwoDimensionalReference reference, int number, int x, int y)
    {
        string style = !reference.Present ? "stop" : reference.HostLevel == 0 ? "taken" : "plain";
        canvas.Begin("g", ("class", $"cell {style}"));
        canvas.Element(
            "title",
            $"Reference {number}: {(reference.HostLevel == 0 ? $"the guest's {PageTableEntryText.Name(reference.GuestLevel)} at" : $"second-level entry of level {reference.HostLevel} for")} " +
            $"{Hex.Of(reference.Address)}: {(reference.Present ? Hex.Wide(reference.Value) : "absent")}");
        canvas.Box(x, y, ColumnWidth - 22, RowHeight - 6, $"box {style}");
        canvas.Text(x + 10, y + 21, number.ToString(CultureInfo.InvariantCulture), "strong");
        canvas.Text(x + ColumnWidth - 32, y + 21, reference.HostLevel == 0 ? PageTableEntryText.Name(reference.GuestLevel) : $"L{reference.HostLevel}", "end small faint");
        canvas.Text(x + 10, y + 40, reference.Present ? Hex.Wide(reference.Value) : "absent", "code");
        canvas.End();
    }

    private static void Head(SvgCanvas canvas, int column, string text) =>
        canvas.Text(HeadWidth + (column * ColumnWidth), 18, text, "small faint");
}
