using System.Globalization;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>A picture of an entry's bits, which shows up over the entry.</summary>
internal static class EntryTip
{
    private const int Width = 604;
    private const int Margin = 14;
    private const int Cell = 18;
    private const int BitsPerRow = 32;
    private const int LineHeight = 16;
    private const int RowHeight = 52;

    // Ignored bits are in the picture only; reserved ones are told where they are set, because they fault.
    private static bool IsTold(EntryBit field, ulong value) => field.Name.Length > 0 || IsWrong(field, value);

    private static bool IsWrong(EntryBit field, ulong value) => field.Meaning == EntryBits.Reserved && field.ValueIn(value) != 0;

    /// <summary>Adds it to a drawing.</summary>
    /// <param name="canvas">The drawing.</param>
    /// <param name="box">The table that holds the entry, drawn already.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="wide">It has 8 bytes.</param>
    public static void Add(SvgCanvas canvas, TableBox box, WalkEntry entry, bool wide)
    {
        IReadOnlyList<EntryBit> fields = EntryBits.Of(entry, wide);
        string label = $"{entry.Name}, index {entry.Index}, value {Hex.Of(entry.Value)}: " +
            string.Join("; ", fields.Where(field => field.Name.Length > 0).Select(field => $"{field.Name} {field.Meaning}"));
        int rows = wide ? 2 : 1;
        int height = 34 + (rows * RowHeight) + (fields.Count(field => IsTold(field, entry.Value)) * LineHeight) + Margin;
        int x = Math.Clamp(box.X + (box.Width / 2) - (Width / 2), 0, SvgCanvas.Width - Width);

        // Never over the entry itself: beneath it; above it where the drawing would end before the tip does and there is room.
        int below = box.EntryTop + TableBox.EntryHeight + 4;
        int above = box.EntryTop - 4 - height;
        canvas.Hover(
            box.X,
            box.EntryTop,
            box.Width,
            TableBox.EntryHeight,
            label,
            () => Draw(canvas, x, below + height <= canvas.Bottom || above < 0 ? below : above, height, entry, fields, rows));
    }

    private static void Draw(SvgCanvas canvas, int x, int y, int height, WalkEntry entry, IReadOnlyList<EntryBit> fields, int rows)
    {
        canvas.Box(x, y, Width, height, "box panel");
        string place = entry.IsRegister() ? "pointer register" : $"at {Hex.Of(entry.Address)}";
        canvas.Text(x + Margin, y + 20, $"{entry.Name} {entry.Index}, {place}", "strong");
        canvas.Text(x + Width - Margin, y + 20, rows == 2 ? Hex.Wide(entry.Value) : Hex.Of(entry.Value), "end code strong");
        y += 34;
        for (int row = rows - 1; row >= 0; row--)
        {
            foreach (EntryBit field in fields) DrawField(canvas, x + Margin, y, row * BitsPerRow, entry.Value, field);
            y += RowHeight;
        }

        y += 4;
        foreach (EntryBit field in fields.Where(field => IsTold(field, entry.Value)))
        {
            string bits = field.High == field.Low
                ? field.High.ToString(CultureInfo.InvariantCulture)
                : string.Create(CultureInfo.InvariantCulture, $"{field.High}:{field.Low}");
            string colour = IsWrong(field, entry.Value) ? " stopped" : "";
            canvas.Text(x + Margin + 40, y + 8, bits, $"end code{colour}");
            canvas.Text(x + Margin + 54, y + 8, field.Name, "code strong");
            canvas.Text(x + Margin + 118, y + 8, ValueText(entry.Value, field), $"code{colour}");
            canvas.Text(x + Margin + 190, y + 8, field.Meaning, $"small{colour}");
            y += LineHeight;
        }
    }

    // The part of a field that lies in a row of 32 bits.
    private static void DrawField(SvgCanvas canvas, int x, int y, int rowLow, ulong value, EntryBit field)
    {
        int high = Math.Min(field.High, rowLow + BitsPerRow - 1);
        int low = Math.Max(field.Low, rowLow);
        if (high < low) return;
        int left = x + ((rowLow + BitsPerRow - 1 - high) * Cell);
        int width = (high - low + 1) * Cell;
        bool set = field.High == field.Low && ((value >> field.Low) & 1) == 1;
        string style = IsWrong(field, value) ? "wrong" : field.Name.Length == 0 ? "ignored" : set ? "set" : field.Name == "address" ? "address" : "clear";
        canvas.Text(left + (width / 2), y + 9, field.Name, "middle tiny");
        canvas.Box(left, y + 13, width, 20, $"box bit {style}");
        for (int bit = high; bit >= low; bit--)
        {
            canvas.Text(left + ((high - bit) * Cell) + (Cell / 2), y + 27, ((value >> bit) & 1) == 1 ? "1" : "0", "middle code");
        }

        if (high == low)
        {
            canvas.Text(left + (width / 2), y + 43, high.ToString(CultureInfo.InvariantCulture), "middle tiny faint");
            return;
        }

        canvas.Text(left + 3, y + 43, high.ToString(CultureInfo.InvariantCulture), "tiny faint");
        canvas.Text(left + width - 3, y + 43, low.ToString(CultureInfo.InvariantCulture), "end tiny faint");
    }

    private static string ValueText(ulong value, EntryBit field)
    {
        if (field.Name == "address") return "";
        int size = field.High - field.Low + 1;
        return size > 16 ? "" : Hex.Of(field.ValueIn(value));
    }
}
