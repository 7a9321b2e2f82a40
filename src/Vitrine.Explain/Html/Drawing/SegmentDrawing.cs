using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>From CS and RIP to the linear address: one row of boxes.</summary>
internal static class SegmentDrawing
{
    private const int Height = 66;

    /// <summary>Draws it.</summary>
    public static void Draw(SvgCanvas canvas, SegmentFact segment)
    {
        int y = canvas.Bottom;
        bool flat = segment.Mode == "64-bit mode";
        int middle = y + (Height / 2);
        Box(canvas, 0, y, 190, "CS selector", $"0x{segment.Selector:x4}", segment.Mode, segment.Evidence);
        canvas.Line("index", (190, middle), (230, middle));
        Box(
            canvas,
            230,
            y,
            290,
            flat ? "hidden base (not used)" : "hidden base",
            Hex.Of(segment.Base),
            $"limit {Hex.Of(segment.Limit)}, access {Hex.Of(segment.Access)}",
            segment.Evidence,
            flat ? "plain unused" : "plain");
        canvas.Text(542, middle + 6, flat ? "" : "+", "middle operator");
        Box(canvas, 564, y, 230, "RIP", Hex.Of(segment.Rip), "", segment.Evidence);
        canvas.Text(816, middle + 6, "=", "middle operator");
        bool stops = segment.Fault.Length > 0;
        Box(canvas, 838, y, SvgCanvas.Width - 838, "linear address", Hex.Of(segment.Linear), "", segment.Evidence, stops ? "stop" : "taken");
        canvas.Bottom = y + Height;
        if (!stops)
        {
            canvas.Line("pointer", (999, canvas.Bottom), (999, canvas.Bottom + 44));
            return;
        }

        canvas.Box(0, canvas.Bottom + 16, SvgCanvas.Width, 44, "box stop");
        canvas.Text(14, canvas.Bottom + 43, $"Stops here: {segment.Fault}", "strong stopped");
        canvas.Bottom += 60;
    }

    /// <summary>A box with a name, a value and a remark; without a mark where there is no evidence, as of a value that isn't known.</summary>
    public static void Box(
        SvgCanvas canvas, int x, int y, int width, string name, string value, string remark, Evidence? evidence, string style = "plain")
    {
        canvas.Begin("g", ("class", $"fact {style}"));
        canvas.Box(x, y, width, Height, $"box {style}");
        canvas.Text(x + 12, y + 19, name, "small faint");
        canvas.Text(x + 12, y + 39, value, "code large");
        if (remark.Length > 0) canvas.Text(x + 12, y + 57, remark, "small faint");
        if (evidence is { } known) canvas.Mark(x + width, y, known);
        canvas.End();
    }
}
