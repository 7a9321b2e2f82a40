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
        writer.Heading("1. Creation: the calls to the accelerator");
        CreationText.Write(story.Creation, writer);
        writer.Heading("2. vCPU state: what is set, and who owns it");
        StateText.Write(story.State, writer);
        writer.Heading("3. VM entry: what the processor is given, and checks");
        EntryText.Write(story.Entry, writer);
        int number = 4;
        foreach (InstructionStory instruction in story.Instructions)
        {
            writer.Heading($"{number++}. Fetch of instruction {instruction.Number}");
            FetchText.Write(instruction.Fetch, writer, brief: instruction != story.Instructions[0]);
            if (instruction.Execution is null) continue;
            writer.Heading($"{number++}. Execution of instruction {instruction.Number}");
            ExecutionText.Write(instruction.Execution, writer);
        }

        writer.Heading("The end of the story");
        EndText.Write(story.End, writer);
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
