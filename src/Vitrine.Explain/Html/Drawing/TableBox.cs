using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>A table of a walk, drawn as a column of entries of which one is taken.</summary>
internal sealed class TableBox
{
    private const int RowHeight = 20;
    private const int TakenHeight = 38;
    private const int TitleHeight = 42;

    /// <summary>Left edge.</summary>
    public required int X { get; init; }

    /// <summary>Upper edge.</summary>
    public required int Y { get; init; }

    /// <summary>Width.</summary>
    public required int Width { get; init; }

    /// <summary>Its name.</summary>
    public required string Title { get; init; }

    /// <summary>Where it is.</summary>
    public required string Place { get; init; }

    /// <summary>How that is known.</summary>
    public required Evidence Evidence { get; init; }

    /// <summary>The entry that is taken.</summary>
    public required int Index { get; init; }

    /// <summary>The last entry.</summary>
    public required int Last { get; init; }

    /// <summary>What the entry holds.</summary>
    public required string Value { get; init; }

    /// <summary>The same in words.</summary>
    public required string Detail { get; init; }

    /// <summary>"taken", "stop", "absent" or "filled".</summary>
    public required string Style { get; init; }

    /// <summary>What stands before the entry instead of its index, in a box whose rows aren't counted: a page.</summary>
    public string? Label { get; init; }

    /// <summary>Where an arrow to the table ends.</summary>
    public (int X, int Y) Entrance => (X, Y + (TitleHeight / 2));

    /// <summary>Where the index points and where the entry's own arrow begins; set by <see cref="Draw"/>.</summary>
    public int EntryY { get; private set; }

    /// <summary>Upper edge of the entry; set by <see cref="Draw"/>.</summary>
    public int EntryTop => EntryY - (TakenHeight / 2);

    /// <summary>Height of the entry.</summary>
    public static int EntryHeight => TakenHeight;

    /// <summary>Lower edge; set by <see cref="Draw"/>.</summary>
    public int Bottom { get; private set; }

    /// <summary>Draws it.</summary>
    public void Draw(SvgCanvas canvas)
    {
        int?[] rows = [.. Rows()];
        Bottom = Y + TitleHeight + ((rows.Length - 1) * RowHeight) + TakenHeight;
        canvas.Begin("g", ("class", $"table {Style}"), ("data-title", Title));
        canvas.Box(X, Y, Width, Bottom - Y, "box frame");
        canvas.Text(X + 8, Y + 17, Title, "strong");
        canvas.Text(X + 8, Y + 34, Place, "code faint");
        canvas.Mark(X + Width, Y, Evidence);
        int y = Y + TitleHeight;
        foreach (int? row in rows)
        {
            if (row == Index)
            {
                canvas.Box(X, y, Width, TakenHeight, $"box entry {Style}");
                canvas.Text(X + IndexWidth - 6, y + 16, Label ?? Number(Index), "end code strong");
                DrawContent(canvas, y);
                EntryY = y + (TakenHeight / 2);
                y += TakenHeight;
                continue;
            }

            canvas.Line("rule", (X, y), (X + Width, y));
            canvas.Text(X + IndexWidth - 6, y + 14, row is { } index && Label is null ? Number(index) : "⋮", "end code faint");
            y += RowHeight;
        }

        canvas.End();
    }

    private int IndexWidth => Last > 999 ? 40 : 32;

    // The value behind the index and the words below it; a value of 16 digits in a narrow table takes the line below.
    private void DrawContent(SvgCanvas canvas, int y)
    {
        const int DigitWidth = 7;
        int room = Width - IndexWidth - 6;
        bool beside = Value.Length * DigitWidth <= room;
        canvas.Text(beside ? X + IndexWidth + 2 : X + 8, beside ? y + 16 : y + 32, Value, "code strong");
        string style = Detail.Length * 6 <= room ? "small" : "dense";
        int fits = room * 10 / (style == "small" ? 60 : 50);
        canvas.Text(
            X + IndexWidth + 2, beside ? y + 31 : y + 16, Detail.Length <= fits ? Detail : Detail[..Math.Max(0, fits - 1)] + "…", style);
    }

    // First, last, and the taken one with its neighbours; null where entries are left out.
    private IEnumerable<int?> Rows()
    {
        int previous = -1;
        foreach (int row in new SortedSet<int> { 0, Math.Max(0, Index - 1), Index, Math.Min(Last, Index + 1), Last })
        {
            if (row > previous + 1) yield return null;
            yield return row;
            previous = row;
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
