using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>Facts, each with a name: a definition list.</summary>
internal sealed class FactList
{
    private readonly HtmlWriter _writer;

    /// <summary>Opens a list; <see cref="Close"/> ends it.</summary>
    public FactList(HtmlWriter writer)
    {
        _writer = writer;
        writer.Open("dl");
    }

    /// <summary>A fact.</summary>
    /// <param name="evidence">How it is known.</param>
    /// <param name="name">Its name.</param>
    /// <param name="text">What it says.</param>
    /// <param name="style">"stop" where something ends, "code" for bytes and instructions, or null.</param>
    public void Fact(Evidence evidence, string name, string text, string? style = null)
    {
        _writer.Open("div", ("class", style));
        _writer.Open("dt");
        _writer.Mark(evidence);
        _writer.Text($" {name}");
        _writer.Close();
        _writer.Element("dd", text);
        _writer.Close();
    }

    /// <summary>Ends it.</summary>
    public void Close() => _writer.Close();
}
