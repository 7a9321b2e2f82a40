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
        output.WriteLine();
        output.WriteLine($"{Style(text, TextStyle.Heading)} {Style(new string('─', Math.Max(0, Width - text.Length - 1)), TextStyle.Faint)}");
    }

    /// <summary>A heading inside a step.</summary>
    public void Subheading(string text)
    {
        output.WriteLine();
        output.WriteLine($"  {Style(text, TextStyle.Heading)}");
    }

    /// <summary>Running text without a mark.</summary>
    public void Prose(string text)
    {
        foreach (string line in Wrap(text, Width - MarkWidth)) output.WriteLine($"  {line}");
    }

    /// <summary>A fact: its name, and a text that goes on in the same column below where it is long.</summary>
    public void Fact(Evidence evidence, string name, string text, TextStyle style = TextStyle.Plain, int nameWidth = 16, int indent = 0)
    {
        string label = name.PadRight(nameWidth);
        int left = MarkWidth + indent + label.Length + 1;
        string lead = $"{Mark(evidence)} {new string(' ', indent)}{label} ";
        foreach (string line in Wrap(text, Width - left))
        {
            output.WriteLine($"{lead}{Style(line, style)}".TrimEnd());
            lead = new string(' ', left);
        }
    }

    /// <summary>
    /// A row of a table. All cells but the last have their width, and push what follows when they are longer; the last one wraps.
    /// </summary>
    public void Row(Evidence evidence, ReadOnlySpan<int> widths, ReadOnlySpan<string> cells, TextStyle style = TextStyle.Plain) =>
        Row(Mark(evidence), widths, cells, style);

    /// <summary>The head of a table.</summary>
    public void Head(ReadOnlySpan<int> widths, ReadOnlySpan<string> cells) => Row(" ", widths, cells, TextStyle.Faint);

    /// <summary>An empty line.</summary>
    public void Gap() => output.WriteLine();

    private void Row(string mark, ReadOnlySpan<int> widths, ReadOnlySpan<string> cells, TextStyle style)
    {
        StringBuilder lead = new();
        for (int i = 0; i < cells.Length - 1; i++) lead.Append(cells[i].PadRight(widths[i])).Append(' ');
        int left = MarkWidth + lead.Length;
        string first = $"{mark} {Style(lead.ToString(), style)}";

        // A table whose other cells leave too little room goes on below.
        const int Least = 20;
        int room = Width - left;
        if (room < Least && cells[^1].Length > room)
        {
            output.WriteLine(first.TrimEnd());
            left = MarkWidth + 8;
            room = Width - left;
            first = new string(' ', left);
        }

        foreach (string line in Wrap(cells[^1], room))
        {
            output.WriteLine($"{first}{Style(line, style)}".TrimEnd());
            first = new string(' ', left);
        }
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

    /// <summary>Breaks a text at spaces; a word that is longer than a line is cut.</summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
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
}
