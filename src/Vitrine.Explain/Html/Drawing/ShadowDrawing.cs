using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>The shadow page table, beneath the guest's walk: from the root to the first entry that is absent, or to host memory.</summary>
internal static class ShadowDrawing
{
    private const int RootWidth = 104;
    private const int Pitch = 226;
    private const int Width = 180;
    private const int LastIndex = 511;

    /// <summary>Draws a state of it.</summary>
    /// <param name="canvas">The drawing.</param>
    /// <param name="steps">Its levels; nothing is drawn without any.</param>
    /// <param name="before">What it was before, to show what was filled.</param>
    /// <param name="when">"before" or "after".</param>
    /// <param name="evidence">How it is known.</param>
    public static void Draw(SvgCanvas canvas, IReadOnlyList<ShadowStep> steps, IReadOnlyList<ShadowStep> before, string when, Evidence evidence)
    {
        if (steps.Count == 0) return;
        canvas.Bottom += 40;
        canvas.Line("divider", (0, canvas.Bottom - 16), (SvgCanvas.Width, canvas.Bottom - 16));
        canvas.Text(0, canvas.Bottom + 6, $"Shadow page table {when}: what the processor itself would walk", "strong");
        int top = canvas.Bottom + 22;
        canvas.Begin("g", ("class", "fact root"));
        canvas.Box(0, top, RootWidth, 42, "box plain");
        canvas.Text(8, top + 17, "shadow root", "strong");
        canvas.Text(8, top + 34, $"page #{steps[0].PageNumber}", "code faint");
        canvas.End();
        (int X, int Y) pointer = (RootWidth, top + 21);
        int bottom = top;
        for (int i = 0; i < steps.Count; i++)
        {
            ShadowStep step = steps[i];
            TableBox box = Table(step, IsFilled(step, before), RootWidth + Pitch - Width + (i * Pitch), top, evidence);
            box.Draw(canvas);
            Point(canvas, pointer, box.Entrance);
            pointer = (box.X + box.Width, box.EntryY);
            string role = step.Unsync ? $"{step.Role}, unsync" : step.Role;
            bottom = Math.Max(bottom, canvas.Paragraph(box.X, box.Bottom + 17, Width, role, "small faint", lines: 4));
        }

        int endX = RootWidth + Pitch - Width + (steps.Count * Pitch);
        DrawEnd(canvas, steps[^1], endX, pointer);
        canvas.Bottom = bottom + 6;
    }

    private static void DrawEnd(SvgCanvas canvas, ShadowStep last, int x, (int X, int Y) pointer)
    {
        if (!last.Present)
        {
            int width = Math.Min(240, SvgCanvas.Width - x);
            canvas.Line("pointer absent", pointer, (x, pointer.Y));
            canvas.Box(x, pointer.Y - 24, width, 48, "box absent");
            canvas.Text(x + 10, pointer.Y - 5, "absent", "strong");
            canvas.Text(x + 10, pointer.Y + 13, "a fault, to the MMU", "small");
            return;
        }

        canvas.Line("pointer", pointer, (Math.Min(x, SvgCanvas.Width - 120), pointer.Y));
        x = Math.Min(x, SvgCanvas.Width - 120);
        canvas.Box(x, pointer.Y - 24, SvgCanvas.Width - x, 48, "box plain");
        canvas.Text(x + 8, pointer.Y - 5, "host memory", "small faint");
        canvas.Text(x + 8, pointer.Y + 13, last.EntryText(), "code strong");
    }

    private static TableBox Table(ShadowStep step, bool filled, int x, int y, Evidence evidence) => new()
    {
        X = x,
        Y = y,
        Width = Width,
        Title = $"shadow page #{step.PageNumber}",
        Place = $"{(IsDirect(step) ? "direct from" : "for table")} {Hex.Of(step.GuestTable)}",
        Evidence = evidence,
        Index = step.Index,
        Last = LastIndex,
        Value = step.EntryText(),
        Detail = step.Present ? $"rights {step.Flags}" : "not filled yet",
        Style = !step.Present ? "absent" : filled ? "filled" : "taken",
    };

    private static bool IsDirect(ShadowStep step) => step.Role.Contains("direct", StringComparison.OrdinalIgnoreCase);

    private static bool IsFilled(ShadowStep step, IReadOnlyList<ShadowStep> before) =>
        step.Present && !before.Any(old => old.Level == step.Level && old.Present && old.Entry == step.Entry);

    private static void Point(SvgCanvas canvas, (int X, int Y) from, (int X, int Y) to)
    {
        if (from.Y == to.Y) canvas.Line("pointer", from, to);
        else canvas.Line("pointer", from, (from.X + 20, from.Y), (from.X + 20, to.Y), to);
    }
}
