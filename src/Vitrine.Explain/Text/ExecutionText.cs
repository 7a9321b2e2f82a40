using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>An execution as text.</summary>
internal static class ExecutionText
{
    private static readonly int[] ChangeWidths = [16, 38];

    /// <summary>Writes it.</summary>
    /// <param name="execution">The execution.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="symbols">Names of its addresses; null for none.</param>
    public static void Write(ExecutionStory execution, StoryWriter writer, IReadOnlyList<SymbolFact>? symbols = null)
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
        SymbolText.Write(symbols, writer, "next", "CR2");
    }
}
