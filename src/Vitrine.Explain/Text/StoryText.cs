using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>A story as text for a terminal of 100 columns.</summary>
public static class StoryText
{
    /// <summary>Writes a story.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to.</param>
    /// <param name="colour">With ANSI colours, for a terminal.</param>
    public static void Write(Story story, TextWriter output, bool colour)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        StoryWriter writer = new(output, colour);
        MachineText.Write(story.Machine, writer);
        writer.Heading(story.Client is null ? "1. Creation: the calls to the accelerator" : "1. Creation: the calls of the client");
        if (story.Client is { } client) ClientText.WriteFunctions(client, writer);
        CreationText.Write(story.Creation, writer);
        writer.Heading("2. vCPU state: what is set, and who owns it");
        StateText.Write(story.State, writer);
        if (story.Entry.Modes.Count > 0)
        {
            writer.Heading("3. VM entry: what the processor is given, and checks");
            EntryText.Write(story.Entry, writer);
        }

        WriteInstructions(story.Instructions, "", writer);
        writer.Heading("The end of the story");
        EndText.Write(story.End, writer);
        foreach (VcpuStory other in story.OtherVcpus) Write(other, writer);
    }

    private static void Write(VcpuStory vcpu, StoryWriter writer)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"vCPU {vcpu.Vcpu}, ");
        writer.Heading($"{name}2. vCPU state: what is set, and who owns it");
        StateText.Write(vcpu.State, writer);
        if (vcpu.Entry is { } entry)
        {
            writer.Heading($"{name}3. VM entry: what the processor is given, and checks");
            EntryText.Write(entry, writer);
        }

        WriteInstructions(vcpu.Instructions, name, writer);
        writer.Heading($"{name}the end of its story");
        EndText.Write(vcpu.End, writer);
    }

    private static void WriteInstructions(IReadOnlyList<InstructionStory> instructions, string name, StoryWriter writer)
    {
        int number = 4;
        foreach (InstructionStory instruction in instructions)
        {
            writer.Heading($"{name}{number++}. Fetch of instruction {instruction.Number}");
            FetchText.Write(instruction.Fetch, writer, brief: instruction != instructions[0]);
            if (instruction.Execution is null) continue;
            writer.Heading($"{name}{number++}. Execution of instruction {instruction.Number}");
            ExecutionText.Write(instruction.Execution, writer);
        }
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
