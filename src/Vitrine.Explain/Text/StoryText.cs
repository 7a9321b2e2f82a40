using System.Globalization;
using Vitrine.Explain.Brief;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>A story as text for a terminal of 100 columns.</summary>
public static class StoryText
{
    /// <summary>Writes a story.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to.</param>
    /// <param name="colour">With ANSI colours, for a terminal.</param>
    /// <param name="view">How much of it; null for the whole.</param>
    public static void Write(Story story, TextWriter output, bool colour, StoryView? view = null)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        StoryWriter writer = new(output, colour);
        view ??= StoryView.Whole;
        if (view.IsBrief)
        {
            WriteBrief(story, writer);
            return;
        }

        if (view.Has(StorySections.Machine)) MachineText.Write(story.Machine, story.Symbols, writer);
        if (view.Has(StorySections.Drawing) && story.Instructions.Count > 0)
        {
            writer.Heading("Where the first instruction is fetched from");
            DrawingText.Write(story.Instructions[0], writer);
        }

        if (view.Has(StorySections.Creation))
        {
            writer.Heading(story.Client is null ? "1. Creation: the calls to the accelerator" : "1. Creation: the calls of the client");
            if (story.Client is { } client) ClientText.WriteFunctions(client, writer);
            CreationText.Write(story.Creation, writer);
        }

        Write(new VcpuStory(0, story.State, story.Entry.Modes.Count > 0 ? story.Entry : null, story.Instructions, story.End), "", view, writer);
        foreach (VcpuStory other in story.OtherVcpus) Write(other, Name(other), view, writer);
    }

    private static string Name(VcpuStory vcpu) => string.Create(CultureInfo.InvariantCulture, $"vCPU {vcpu.Vcpu}, ");

    private static void Write(VcpuStory vcpu, string name, StoryView view, StoryWriter writer)
    {
        if (view.Has(StorySections.State))
        {
            writer.Heading($"{name}2. vCPU state: what is set, and who owns it");
            StateText.Write(vcpu.State, writer);
        }

        if (vcpu.Entry is { } entry && view.Has(StorySections.Entry))
        {
            writer.Heading($"{name}3. VM entry: what the processor is given, and checks");
            EntryText.Write(entry, writer);
        }

        WriteInstructions(vcpu.Instructions, name, view, writer);
        if (!view.Has(StorySections.End)) return;
        writer.Heading(name.Length == 0 ? "The end of the story" : $"{name}the end of its story");
        EndText.Write(vcpu.End, writer);
    }

    private static void WriteInstructions(IReadOnlyList<InstructionStory> instructions, string name, StoryView view, StoryWriter writer)
    {
        int number = 4;
        foreach (InstructionStory instruction in instructions)
        {
            int fetch = number++;
            if (view.Has(StorySections.Fetch))
            {
                writer.Heading($"{name}{fetch}. Fetch of instruction {instruction.Number}");
                FetchText.Write(instruction.Fetch, writer, brief: instruction != instructions[0], instruction.Symbols);
            }

            if (instruction.Execution is null) continue;
            int execution = number++;
            if (!view.Has(StorySections.Execution)) continue;
            writer.Heading($"{name}{execution}. Execution of instruction {instruction.Number}");
            ExecutionText.Write(instruction.Execution, writer, instruction.Symbols);
        }
    }

    private static void WriteBrief(Story story, StoryWriter writer)
    {
        StoryBrief brief = StoryBriefing.Of(story);
        BriefText.WriteHead(brief, writer);
        WriteBrief(brief.Vcpus[0], story.Instructions, writer);
        foreach ((VcpuStory vcpu, BriefVcpu told) in story.OtherVcpus.Zip(brief.Vcpus.Skip(1)))
        {
            writer.Heading($"vCPU {vcpu.Vcpu}");
            WriteBrief(told, vcpu.Instructions, writer);
        }
    }

    private static void WriteBrief(BriefVcpu vcpu, IReadOnlyList<InstructionStory> instructions, StoryWriter writer)
    {
        if (instructions.Count > 0)
        {
            writer.Gap();
            DrawingText.Write(instructions[0], writer);
        }

        BriefText.WriteVcpu(vcpu, writer);
    }

    /// <summary>Writes the story of one address.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to.</param>
    /// <param name="colour">With ANSI colours, for a terminal.</param>
    public static void Write(TranslationStory story, TextWriter output, bool colour)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        StoryWriter writer = new(output, colour);
        writer.Heading($"Translation of {Hex.Of(story.Linear)}");
        TranslationText.Write(story, writer);
    }
}
