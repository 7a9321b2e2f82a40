using System.Text;

namespace Vitrine.Cli.Terminal;

/// <summary>Breaks lines between words where a terminal would break them within one.</summary>
internal static class WordWrap
{
    // In a narrower one, indented lines would have room for nothing.
    private const int Narrowest = 20;

    /// <summary>A text for a descriptor: broken if it is a terminal of a known width, else as it is.</summary>
    /// <param name="text">Lines.</param>
    /// <param name="descriptor">Where they go.</param>
    /// <param name="indent">Spaces before what continues a line.</param>
    public static string For(string text, int descriptor, int indent = 0) =>
        Libc.TryGetWindowSize(descriptor, out TerminalSize size) ? Break(text, size.Columns, indent) : text;

    /// <summary>The text in lines of at most so many characters, but for longer words.</summary>
    internal static string Break(string text, int columns, int indent)
    {
        if (columns < Narrowest) return text;
        return string.Join('\n', text.Split('\n').Select(line => BreakLine(line, columns, indent)));
    }

    private static string BreakLine(string line, int columns, int indent)
    {
        StringBuilder broken = new(line.Length + (line.Length / columns) + 1);
        int start = 0;
        int room = columns;
        while (line.Length - start > room)
        {
            // Spaces at a line's beginning are its indentation.
            int text = start;
            while (text < line.Length && line[text] == ' ') text++;
            int space = line.LastIndexOf(' ', start + room);
            if (space <= text) space = line.IndexOf(' ', Math.Min(start + room, line.Length - 1));
            if (space <= text) break;
            broken.Append(line, start, space - start).Append('\n').Append(' ', indent);
            start = space + 1;
            room = columns - indent;
        }

        return broken.Append(line, start, line.Length - start).ToString();
    }
}
