using System.Text;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Writes a story's lines: a mark for the evidence, indentation, columns, and no line longer than the page is wide.</summary>
internal sealed class StoryWriter(TextWriter output, bool colour)
{
    /// <summary>Columns of a page.</summary>
    public const int Width = 100;

    // Mark and its space; everything else is indented behind it.
    private const int MarkWidth = 2;

    /// <summary>A heading with a rule behind it, to the page's end.</summary>
    public void Heading(string text)
    {
        text = Clean(text);
        output.WriteLine();
        output.WriteLine($"{Style(text, TextStyle.Heading)} {Style(new string('─', Math.Max(0, Width - text.Length - 1)), TextStyle.Faint)}");
    }

    /// <summary>A heading inside a step.</summary>
    public void Subheading(string text)
    {
        output.WriteLine();
        foreach (string line in Wrap(text, Width - MarkWidth)) output.WriteLine($"  {Style(line, TextStyle.Heading)}");
    }

    /// <summary>Running text without a mark.</summary>
    public void Prose(string text)
    {
        foreach (string line in Wrap(text, Width - MarkWidth)) output.WriteLine($"  {line}");
    }

    /// <summary>A fact: its name, and a text that goes on in the same column below where it is long.</summary>
    public void Fact(Evidence evidence, string name, string text, TextStyle style = TextStyle.Plain, int nameWidth = 16, int indent = 0)
    {
        string label = Clean(name).PadRight(nameWidth);
        int left = MarkWidth + indent + label.Length + 1;
        string lead = $"{Mark(evidence)} {new string(' ', indent)}{label} ";
        foreach (string line in Wrap(text, Width - left))
        {
            output.WriteLine($"{lead}{Style(line, style)}".TrimEnd());
            lead = new string(' ', left);
        }
    }

    /// <summary>What leads from the address above to the one below.</summary>
    public void Arrow(string text)
    {
        const string Lead = "    │ ";
        foreach (string line in Wrap(text, Width - Lead.Length)) output.WriteLine($"{Style(Lead, TextStyle.Faint)}{line}");
    }

    /// <summary>A row of a table. Each cell wraps in its column; the last one has the rest of the page.</summary>
    public void Row(Evidence evidence, ReadOnlySpan<int> widths, ReadOnlySpan<string> cells, TextStyle style = TextStyle.Plain) =>
        Row(Mark(evidence), widths, cells, style);

    /// <summary>The head of a table.</summary>
    public void Head(ReadOnlySpan<int> widths, ReadOnlySpan<string> cells) => Row(" ", widths, cells, TextStyle.Faint);

    /// <summary>An empty line.</summary>
    public void Gap() => output.WriteLine();

    private void Row(string mark, ReadOnlySpan<int> widths, ReadOnlySpan<string> cells, TextStyle style)
    {
        // A table whose other cells leave too little room for the last one goes on below.
        const int Least = 20;
        int left = MarkWidth;
        for (int i = 0; i < cells.Length - 1; i++) left += widths[i] + 1;
        bool below = Width - left < Least && cells[^1].Length > Width - left;
        int columns = below ? cells.Length - 1 : cells.Length;
        string[][] wrapped = new string[columns][];
        for (int i = 0; i < columns; i++) wrapped[i] = [.. Wrap(cells[i], i == cells.Length - 1 ? Width - left : widths[i])];
        int height = wrapped.Max(lines => lines.Length);
        StringBuilder line = new();
        for (int row = 0; row < height; row++)
        {
            line.Clear();
            for (int i = 0; i < columns; i++)
            {
                string cell = row < wrapped[i].Length ? wrapped[i][row] : "";
                if (i < cells.Length - 1) line.Append(cell.PadRight(widths[i])).Append(' ');
                else line.Append(cell);
            }

            string lead = row == 0 ? $"{mark} " : new string(' ', MarkWidth);
            output.WriteLine($"{lead}{Style(line.ToString().TrimEnd(), style)}".TrimEnd());
        }

        if (!below) return;
        const int Indent = MarkWidth + 8;
        foreach (string rest in Wrap(cells[^1], Width - Indent)) output.WriteLine($"{new string(' ', Indent)}{Style(rest, style)}".TrimEnd());
    }

    private string Mark(Evidence evidence) => evidence == Evidence.Observed ? "●" : Style("○", TextStyle.Faint);

    private string Style(string text, TextStyle style)
    {
        if (!colour || style == TextStyle.Plain) return text;
        string code = style switch
        {
            TextStyle.Heading => "1",
            TextStyle.Faint => "2",
            TextStyle.Good => "32",
            TextStyle.Bad => "31",
            _ => "33",
        };
        return $"\u001b[{code}m{text}\u001b[0m";
    }

    /// <summary>
    /// Breaks a text at spaces; a word that is longer than a line is cut. What an indented text goes on with is indented by two more.
    /// </summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
        text = Clean(text);
        int indent = text.Length - text.AsSpan().TrimStart(' ').Length;
        if (indent > 0 && indent < width / 2)
        {
            string lead = new(' ', indent);
            foreach (string line in Wrap(text[indent..], width - indent - 2))
            {
                yield return lead + line;
                lead = new string(' ', indent + 2);
            }

            yield break;
        }

        if (text.Length == 0)
        {
            yield return "";
            yield break;
        }

        ReadOnlyMemory<char> rest = text.AsMemory();
        while (rest.Length > width)
        {
            int space = rest.Span[..(width + 1)].LastIndexOf(' ');
            int length = space > 0 ? space : width;
            yield return rest[..length].ToString();
            rest = rest[(space > 0 ? space + 1 : width)..];
        }

        yield return rest.ToString();
    }

    // A story quotes names of files and words of the guest: none of them may steer the terminal.
    private static string Clean(string text) =>
        text.Any(char.IsControl) ? string.Create(text.Length, text, static (clean, from) =>
        {
            for (int i = 0; i < clean.Length; i++) clean[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
        }) : text;
}
