using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>An execution as text.</summary>
internal static class ExecutionText
{
    private static readonly int[] ChangeWidths = [16, 38];

    /// <summary>Writes it.</summary>
    public static void Write(ExecutionStory execution, StoryWriter writer)
    {
        foreach (RegisterChange change in execution.Registers)
        {
            writer.Row(execution.Evidence, ChangeWidths, [change.Name, change.Before, $"-> {change.After}"]);
        }

        foreach (MemoryChange change in execution.Memory)
        {
            writer.Fact(
                execution.Evidence,
                "memory written",
                $"linear {Hex.Of(change.Linear)}, guest-physical {Hex.Of(change.Gpa)}: {Hex.Spaced(change.Before)} -> {Hex.Spaced(change.After)}");
        }

        foreach (ExitFact exit in execution.Exits) writer.Fact(execution.Evidence, "exit", $"{exit.Reason}; handled by {exit.Handler}");
        writer.Fact(execution.Evidence, "outcome", execution.Outcome);
    }
}
