using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>What an instruction did.</summary>
internal static class ExecutionHtml
{
    /// <summary>Writes it.</summary>
    public static void Write(ExecutionStory execution, IReadOnlyList<SymbolFact> symbols, HtmlWriter writer)
    {
        StateHtml.WriteChanges(execution.Registers, execution.Evidence, "Registers that changed", writer);
        if (execution.Memory.Count > 0)
        {
            HtmlTable table = new(
                writer,
                "Memory written",
                new("linear", "code", IsHead: true),
                new("guest-physical", "code"),
                new("before", "code"),
                new("after", "code"));
            foreach (MemoryChange change in execution.Memory)
            {
                table.Row(
                    execution.Evidence, null, Hex.Of(change.Linear), Hex.Of(change.Gpa), Hex.Spaced(change.Before), Hex.Spaced(change.After));
            }

            table.Close();
        }

        if (execution.Exits.Count > 0)
        {
            HtmlTable table = new(writer, "Exits", new("exit", null, IsHead: true), new("handled by"));
            foreach (ExitFact exit in execution.Exits) table.Row(execution.Evidence, null, exit.Reason, exit.Handler);
            table.Close();
        }

        FactList facts = new(writer);
        facts.Fact(execution.Evidence, "outcome", execution.Outcome);
        SymbolHtml.Write(symbols, facts, "next", "CR2");
        facts.Close();
    }
}
