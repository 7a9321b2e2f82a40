using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html.Drawing;

/// <summary>From the guest-physical address to the host: slot, host-virtual and host-physical address.</summary>
internal static class MemoryDrawing
{
    private const int Height = 66;
    private const int Gap = 34;
    private const int Width = (SvgCanvas.Width - (3 * Gap)) / 4;

    /// <summary>Draws it.</summary>
    /// <param name="canvas">The drawing.</param>
    /// <param name="story">The translation.</param>
    /// <param name="gpa">The guest-physical address.</param>
    /// <param name="fetch">The fetch that it is for, or null.</param>
    /// <param name="from">Where it comes out of the walk.</param>
    public static void Draw(SvgCanvas canvas, TranslationStory story, ulong gpa, FetchStory? fetch, (int X, int Y) from)
    {
        int y = canvas.Bottom + 34;
        int into = Width / 2;
        canvas.Line("pointer", from, (from.X, y - 16), (into, y - 16), (into, y));
        SegmentDrawing.Box(canvas, 0, y, Width, "guest-physical address", Hex.Of(gpa), "", Evidence.Derived, "taken");
        Arrow(canvas, 0, y);
        if (story.Slot is { } slot)
        {
            DrawSlot(canvas, slot, gpa, Width + Gap, y);
            if (story.Host is { } host) DrawHost(canvas, host, y);
        }
        else
        {
            SegmentDrawing.Box(
                canvas, Width + Gap, y, Width, "memory slot", "none", "nothing but a device could answer here", Evidence.Observed, "stop");
        }

        canvas.Bottom = y + Height;
        if (fetch is { Bytes.Length: > 0 }) DrawInstruction(canvas, fetch);
        if (story.Kvm is not { } kvm) return;
        string answer = kvm.Valid ? Hex.Of(kvm.Gpa) : "not mapped";
        canvas.Text(
            0,
            canvas.Bottom + 22,
            $"KVM_TRANSLATE says {answer}: {(kvm.Agrees ? "as the walk found" : "not what the walk found")}",
            kvm.Agrees ? "small faint" : "small stopped");
        canvas.Bottom += 28;
    }

    private static void DrawInstruction(SvgCanvas canvas, FetchStory fetch)
    {
        const int Least = 34;
        int x = Width + Gap;
        canvas.Line("pointer", (x + (Width / 2), canvas.Bottom), (x + (Width / 2), canvas.Bottom + 24));
        int y = canvas.Bottom + 24;
        canvas.Begin("g", ("class", "fact instruction"));
        canvas.Box(x, y, SvgCanvas.Width - x, Least, "box taken");
        canvas.Text(x + 12, y + 22, Hex.Spaced(fetch.Bytes), "code large");
        canvas.Text(SvgCanvas.Width - 28, y + 22, fetch.Instruction, "end code large");
        canvas.Mark(SvgCanvas.Width, y, fetch.Evidence);
        canvas.End();
        canvas.Bottom = y + Least;
    }

    private static void DrawSlot(SvgCanvas canvas, SlotFact slot, ulong gpa, int x, int y)
    {
        SegmentDrawing.Box(
            canvas,
            x,
            y,
            Width,
            $"memory slot {slot.Id}{(slot.ReadOnly ? ", read-only" : "")}, offset {Hex.Of(gpa - slot.Start)}",
            Shorten(slot.Name),
            $"{Hex.Of(slot.Start)} to {Hex.Of(slot.Start + slot.Size - 1)}",
            slot.Evidence);

        // Where in the slot: a strip along its lower edge.
        const int Strip = 4;
        int offset = slot.Size == 0 ? 0 : (int)((UInt128)(gpa - slot.Start) * (Width - Strip) / slot.Size);
        canvas.Box(x, y + Height - Strip, Width, Strip, "strip");
        canvas.Box(x + offset, y + Height - Strip - 3, Strip + 2, Strip + 6, "here");
    }

    private static void DrawHost(SvgCanvas canvas, HostFact host, int y)
    {
        Arrow(canvas, 1, y);
        SegmentDrawing.Box(
            canvas, 2 * (Width + Gap), y, Width, "host-virtual address", Hex.Of(host.HostVirtual), "in this process", host.Evidence);
        Arrow(canvas, 2, y);
        SegmentDrawing.Box(
            canvas,
            3 * (Width + Gap),
            y,
            Width,
            "host-physical address",
            host.HostPhysical is { } physical ? Hex.Of(physical) : "not known",
            host.HostPhysical is null ? "see below" : "may change: not pinned",
            host.HostPhysical is null ? null : host.Evidence,
            host.HostPhysical is null ? "plain unused" : "plain");
    }

    private static void Arrow(SvgCanvas canvas, int after, int y)
    {
        int x = (after * (Width + Gap)) + Width;
        canvas.Line("pointer", (x, y + (Height / 2)), (x + Gap, y + (Height / 2)));
    }

    private static string Shorten(string name) => name.Length <= 24 ? name : name[..23] + "…";
}
