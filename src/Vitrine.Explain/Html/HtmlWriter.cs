using System.Text;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>Writes elements and escaped text. What it writes is well-formed XML as well as HTML, so that tests and tools can parse it.</summary>
internal sealed class HtmlWriter(TextWriter output)
{
    private readonly Stack<string> _open = new();

    /// <summary>Opens an element.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="attributes">Names and values; one whose value is null is left out.</param>
    public void Open(string tag, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        WriteTag(tag, attributes);
        output.Write('>');
        _open.Push(tag);
    }

    /// <summary>Closes the element that was opened last.</summary>
    public void Close()
    {
        string tag = _open.Pop();
        output.Write($"</{tag}>");
        if (IsBlock(tag)) output.Write('\n');
    }

    /// <summary>An element without content, which HTML doesn't close (meta, br) or SVG draws (rect, path).</summary>
    public void Void(string tag, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        WriteTag(tag, attributes);
        output.Write(" />");
    }

    /// <summary>An element that holds text only.</summary>
    public void Element(string tag, string text, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Open(tag, attributes);
        Text(text);
        Close();
    }

    /// <summary>Text, escaped.</summary>
    public void Text(string text) => output.Write(Escape(text));

    /// <summary>Markup or a style sheet of our own, as it is.</summary>
    public void Raw(string markup) => output.Write(markup);

    /// <summary>The mark that says how a fact is known.</summary>
    public void Mark(Evidence evidence)
    {
        bool observed = evidence == Evidence.Observed;
        Open("span", ("class", observed ? "mark observed" : "mark derived"), ("title", observed ? "observed" : "derived"));
        Text(observed ? "●" : "○");
        Element("span", observed ? " observed" : " derived", ("class", "spoken"));
        Close();
    }

    /// <summary>Text with what has a meaning in HTML or XML escaped; what XML can't hold at all becomes U+FFFD.</summary>
    internal static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(s_plain)) return text;
        StringBuilder escaped = new(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            // EnumerateRunes replaces lone surrogates already.
            _ = rune.Value switch
            {
                '&' => escaped.Append("&amp;"),
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '"' => escaped.Append("&quot;"),
                '\'' => escaped.Append("&#39;"),
                '\t' or '\n' => escaped.Append((char)rune.Value),
                < 0x20 or (>= 0x7F and < 0xA0) or 0xFFFE or 0xFFFF => escaped.Append('\uFFFD'),
                _ => escaped.Append(rune.ToString()),
            };
        }

        return escaped.ToString();
    }

    private static readonly System.Buffers.SearchValues<char> s_plain = System.Buffers.SearchValues.Create(
        " !#$%()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    private static bool IsBlock(string tag) =>
        tag is "p" or "div" or "section" or "table" or "tr" or "thead" or "tbody" or "h1" or "h2" or "h3" or "li" or "ol" or "ul" or "dl" or "dd"
            or "details" or "summary" or "figure" or "header" or "main" or "nav" or "footer" or "g" or "svg" or "style" or "head" or "title";

    private void WriteTag(string tag, ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        output.Write('<');
        output.Write(tag);
        foreach ((string name, string? value) in attributes)
        {
            if (value is null) continue;
            output.Write($" {name}=\"{Escape(value)}\"");
        }
    }
}
