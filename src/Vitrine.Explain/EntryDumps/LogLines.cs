using System.Text;
using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What a file's bytes are as text, and a text's lines: encodings, line ends and spaces of other systems, of mails and of web pages.</summary>
internal static partial class LogLines
{
    /// <summary>The text of a file: UTF-8, or with its mark UTF-16, as PowerShell's redirection writes it.</summary>
    /// <returns>Null for a binary file.</returns>
    public static string? Decode(ReadOnlySpan<byte> bytes)
    {
        string text = bytes switch
        {
            [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8.GetString(bytes[3..]),
            [0xFF, 0xFE, ..] => Encoding.Unicode.GetString(bytes[2..]),
            [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode.GetString(bytes[2..]),
            _ => Encoding.UTF8.GetString(bytes),
        };
        text = WithoutHoles(text);
        return text.Contains('\0', StringComparison.Ordinal) ? null : text;
    }

    /// <summary>The text with line feeds for line ends and plain spaces; lines keep their numbers.</summary>
    public static string Normalize(string text)
    {
        if (!text.Contains('\n', StringComparison.Ordinal)) text = text.Replace('\r', '\n');
        text = text.Replace('\u00A0', ' ');
        text = Breaks().Replace(text, "\n");
        if (text.Contains('<', StringComparison.Ordinal)) text = Tags().Replace(text, "");
        return text.Replace("&nbsp;", " ", StringComparison.OrdinalIgnoreCase);
    }

    // A host that crashed leaves zeros at its log's end, and goes on after them when it has started again.
    private static string WithoutHoles(string text) => text.Contains('\0', StringComparison.Ordinal)
        ? string.Join('\n', text.TrimEnd('\0').Split('\n').Select(static line => line.TrimStart('\0')))
        : text;

    // What a page has around a log. Of one letter or of two from a to f are code bytes and symbols, not tags.
    [GeneratedRegex(@"</?(?:pre|code|samp|div|span|blockquote)(?:\s[^<>\n]{0,200})?>", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Tags();

    // Mostly the page's source has a line end there too.
    [GeneratedRegex(@"<br\s?/?>(?:\r?\n)?", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Breaks();
}
