using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>The end of a story as text.</summary>
internal static class EndText
{
    private static readonly int[] RegisterWidths = [10, 44];

    /// <summary>Writes it.</summary>
    public static void Write(StoryEnd end, StoryWriter writer)
    {
        writer.Prose(end.Text);
        if (end.Reason is not ("timeout" or "guest")) return;
        writer.Gap();
        foreach (RegisterFact register in end.Registers) writer.Row(register.Evidence, RegisterWidths, [register.Name, register.Value, ""]);
    }
}
