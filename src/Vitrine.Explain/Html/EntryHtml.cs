using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>Step 3: each way in which a hypervisor could run the state, folded, with what fails before what passes.</summary>
internal static class EntryHtml
{
    private const string Failed = "failed";

    /// <summary>Writes it.</summary>
    public static void Write(EntryStory entry, HtmlWriter writer)
    {
        if (entry.Refusal.Length > 0)
        {
            FactList facts = new(writer);
            facts.Fact(Evidence.Observed, "refused", entry.Refusal, "stop");
            facts.Close();
        }

        foreach (EntryModeStory mode in entry.Modes) WriteMode(mode, writer);
    }

    private static void WriteMode(EntryModeStory mode, HtmlWriter writer)
    {
        writer.Element("h3", mode.Name);
        writer.Open("p");
        writer.Mark(mode.Evidence);
        writer.Text($" {mode.Guest}");
        writer.Close();
        WriteControls(mode, writer);
        WriteFields(mode, writer);
        WriteChecks(mode, writer);
    }

    private static void WriteControls(EntryModeStory mode, HtmlWriter writer)
    {
        if (mode.Controls.Count == 0) return;
        writer.Open("details");
        writer.Element("summary", Count(mode.Controls.Count, "control"));
        StateHtml.WriteSettings(mode.Controls, "Controls chosen for this mode", writer);
        writer.Close();
    }

    private static void WriteFields(EntryModeStory mode, HtmlWriter writer)
    {
        if (mode.Fields.Count == 0) return;
        int remarkable = mode.Fields.Count(field => field.Note.Length > 0);
        writer.Open("details");
        writer.Element("summary", $"{Count(mode.Fields.Count, "field")}{(remarkable > 0 ? $", {remarkable} with a note" : "")}");
        HtmlTable table = new(
            writer, "The guest-state area", new("at", "code"), new("field", null, IsHead: true), new("value", "code"), new("note"));
        foreach (EntryFieldFact field in mode.Fields) table.Row(mode.Evidence, null, field.Location, field.Name, field.Value, field.Note);
        table.Close();
        writer.Close();
    }

    private static void WriteChecks(EntryModeStory mode, HtmlWriter writer)
    {
        if (mode.Checks.Count == 0) return;
        int failed = mode.Checks.Count(check => check.Outcome == Failed);
        int passed = mode.Checks.Count(check => check.Outcome == "passed");
        writer.Open("details", ("open", failed > 0 ? "open" : null), ("class", failed > 0 ? "failing" : null));
        writer.Element(
            "summary",
            $"{Count(mode.Checks.Count, "entry check")}: {(failed > 0 ? $"{failed} failed, " : "")}{passed} passed, {mode.Checks.Count - failed - passed} not applicable");
        HtmlTable table = new(
            writer,
            "Entry checks, failures first",
            new("outcome"),
            new("rule", "code", IsHead: true),
            new("section", "code"),
            new("condition"),
            new("found", "code"));
        foreach (EntryCheckFact check in mode.Checks.OrderBy(check => check.Outcome == Failed ? 0 : 1))
        {
            string? style = check.Outcome switch { Failed => "stop", "passed" => "passed", _ => "faint" };
            table.Row(mode.Evidence, style, check.Outcome, check.Rule, check.Section, check.Condition, check.Found);
        }

        table.Close();
        writer.Close();
    }

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
