using System.Globalization;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>
/// A drawing that grows downwards. Coordinates are pixels of a drawing <see cref="Width"/> wide; colours and fonts are classes of
/// <see cref="StoryStyle"/>. What shows up over the rest (tooltips) is kept and written last, since SVG paints in order.
/// </summary>
internal sealed class SvgCanvas
{
    /// <summary>Width of every drawing.</summary>
    public const int Width = 1160;

    private readonly StringWriter _body = new(CultureInfo.InvariantCulture);
    private readonly List<Action> _overlays = [];
    private readonly HtmlWriter _writer;

    /// <summary>An empty drawing.</summary>
    public SvgCanvas() => _writer = new HtmlWriter(_body);

    /// <summary>Where the next part goes; in the end the drawing's height.</summary>
    public int Bottom { get; set; }

    /// <summary>A rectangle.</summary>
    public void Box(int x, int y, int width, int height, string style) => _writer.Void(
        "rect", ("class", style), ("x", Number(x)), ("y", Number(y)), ("width", Number(width)), ("height", Number(height)), ("rx", "4"));

    /// <summary>A line of text; its baseline is at <paramref name="y"/>.</summary>
    public void Text(int x, int y, string text, string style) =>
        _writer.Element("text", text, ("class", style), ("x", Number(x)), ("y", Number(y)));

    /// <summary>Text that is broken to a width; returns the baseline of the line after it.</summary>
    /// <param name="x">Left edge, or the middle for a centred style.</param>
    /// <param name="y">First baseline.</param>
    /// <param name="width">Room.</param>
    /// <param name="text">The text.</param>
    /// <param name="style">Its class.</param>
    /// <param name="lines">No more lines than these; the last one then ends in an ellipsis, and the words below the drawing have it all.</param>
    public int Paragraph(int x, int y, int width, string text, string style, int lines = int.MaxValue)
    {
        string[] wrapped = [.. Wrap(width, text)];
        for (int i = 0; i < wrapped.Length && i < lines; i++)
        {
            bool cut = i == lines - 1 && wrapped.Length > lines;
            Text(x, y, cut ? wrapped[i].TrimEnd('.', ',', ' ') + " …" : wrapped[i], style);
            y += LineHeight;
        }

        return y;
    }

    /// <summary>How high a paragraph becomes.</summary>
    public static int ParagraphHeight(int width, string text) => Wrap(width, text).Count() * LineHeight;

    /// <summary>A line along points, with an arrowhead where <paramref name="style"/> has one.</summary>
    public void Line(string style, params ReadOnlySpan<(int X, int Y)> points)
    {
        string path = "";
        foreach ((int x, int y) in points) path += $"{(path.Length == 0 ? "M" : " L")}{Number(x)} {Number(y)}";
        _writer.Void("path", ("class", style), ("d", path));
        if (!style.StartsWith("pointer", StringComparison.Ordinal)) return;
        (int endX, int endY) = points[^1];
        (int fromX, int fromY) = points[^2];
        int dx = Math.Sign(endX - fromX);
        int dy = Math.Sign(endY - fromY);
        const int Head = 7;
        const int Half = 4;
        _writer.Void(
            "path",
            ("class", $"{style} head"),
            ("d", $"M{Number(endX)} {Number(endY)} L{Number(endX - (dx * Head) - (dy * Half))} {Number(endY - (dy * Head) - (dx * Half))} " +
                $"L{Number(endX - (dx * Head) + (dy * Half))} {Number(endY - (dy * Head) + (dx * Half))} Z"));
    }

    /// <summary>A dot for an observed fact, a ring for a derived one; in a box's upper right corner.</summary>
    public void Mark(int right, int top, Evidence evidence) => _writer.Void(
        "circle",
        ("class", evidence == Evidence.Observed ? "observed" : "derived"),
        ("cx", Number(right - 9)),
        ("cy", Number(top + 9)),
        ("r", "3.5"));

    /// <summary>Something that shows <paramref name="content"/> while the pointer is over it or the keyboard is on it.</summary>
    /// <param name="x">Left edge of what reacts.</param>
    /// <param name="y">Its upper edge.</param>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="label">What it says to someone who can't see it.</param>
    /// <param name="content">Draws what shows up.</param>
    public void Hover(int x, int y, int width, int height, string label, Action content) => _overlays.Add(() =>
    {
        Begin("g", ("class", "hot"), ("tabindex", "0"), ("role", "img"), ("aria-label", label));
        Box(x, y, width, height, "target");
        Begin("g", ("class", "tip"));
        content();
        End();
        End();
    });

    /// <summary>Opens an element.</summary>
    public void Begin(string tag, params ReadOnlySpan<(string Name, string? Value)> attributes) => _writer.Open(tag, attributes);

    /// <summary>Closes it.</summary>
    public void End() => _writer.Close();

    /// <summary>An element that holds text only.</summary>
    public void Element(string tag, string text) => _writer.Element(tag, text);

    /// <summary>Puts the drawing into a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="id">A prefix for its ids.</param>
    /// <param name="title">What it is.</param>
    /// <param name="description">What it shows, for someone who can't see it.</param>
    public void WriteTo(HtmlWriter page, string id, string title, string description)
    {
        foreach (Action overlay in _overlays) overlay();
        page.Open("figure");
        page.Element("figcaption", title);
        page.Open("div", ("class", "drawing"), ("tabindex", "0"), ("role", "region"), ("aria-label", $"{title} (drawing)"));
        page.Open(
            "svg",
            ("viewBox", $"-1 -1 {Number(Width + 2)} {Number(Bottom + 2)}"),
            ("role", "group"),
            ("aria-labelledby", $"{id}-title {id}-desc"));
        page.Element("title", title, ("id", $"{id}-title"));
        page.Element("desc", description, ("id", $"{id}-desc"));
        page.Raw(_body.ToString());
        page.Close();
        page.Close();
        page.Close();
    }

    // Average advance of a character of the small sans-serif font in tenths of a pixel, on the generous side.
    private const int CharacterTenths = 62;

    private const int LineHeight = 15;

    private static IEnumerable<string> Wrap(int width, string text) => StoryWriter.Wrap(text, Math.Max(8, width * 10 / CharacterTenths));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
