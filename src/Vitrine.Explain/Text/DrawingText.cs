using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>The way of a fetch as a drawing of lines: each address, and between two of them what makes the one of the other.</summary>
internal static class DrawingText
{
    /// <summary>Draws it.</summary>
    public static void Write(InstructionStory instruction, StoryWriter writer)
    {
        FetchStory fetch = instruction.Fetch;
        SegmentFact segment = fetch.Segment;
        Address(segment.Evidence, "CS:RIP", $"{segment.Selector:x4}:{segment.Rip:x4}, {segment.Mode}", writer);
        if (segment.Fault.Length > 0)
        {
            Stop(segment.Fault, writer);
            return;
        }

        Step(segment.Mode == "64-bit mode" ? "no base in 64-bit mode" : $"+ hidden base of CS, {Hex.Of(segment.Base)}", writer);
        Address(segment.Evidence, "linear", Hex.Of(segment.Linear), writer);
        SymbolText.Write(instruction.Symbols, writer, "CS:RIP");
        if (fetch.Translation is { } translation) Write(translation, writer);
        if (fetch.Stop.Length > 0) Stop(fetch.Stop, writer);
        else if (fetch.Bytes.Length > 0) Address(fetch.Evidence, Hex.Spaced(fetch.Bytes), fetch.Instruction, writer, TextStyle.Accent);
    }

    private static void Write(TranslationStory translation, StoryWriter writer)
    {
        foreach (WalkEntry entry in translation.Walk)
        {
            string where = entry.IsRegister() ? "register" : $"at {Hex.Of(entry.Address)}";
            Step($"{entry.Name} {entry.Index} {where}: {Hex.Of(entry.Value)}, {entry.Decision}", writer);
        }

        if (translation.Gpa is not { } gpa)
        {
            Stop(translation.Outcome, writer);
            return;
        }

        if (translation.Walk.Count == 0) Step("paging off: the same number", writer);
        Address(Evidence.Derived, "guest-physical", Hex.Of(gpa), writer);
        if (translation.Slot is not { } slot)
        {
            Stop("No memory slot holds it.", writer);
            return;
        }

        Step($"slot {slot.Id}, {slot.Name}, offset {Hex.Of(gpa - slot.Start)}{(translation.Mmu is { } mmu ? $"; MMU {mmu.Kind.Split(':')[0]}" : "")}", writer);
        if (translation.Host is not { } host) return;
        Address(host.Evidence, "host virtual", Hex.Of(host.HostVirtual), writer);
        Step("the bytes there", writer);
    }

    private static void Address(Evidence evidence, string name, string text, StoryWriter writer, TextStyle style = TextStyle.Plain) =>
        writer.Fact(evidence, name, text, style);

    private static void Step(string text, StoryWriter writer) => writer.Arrow(text);

    private static void Stop(string text, StoryWriter writer) => writer.Fact(Evidence.Derived, "stops here", text, TextStyle.Bad);
}
