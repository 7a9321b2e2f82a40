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

    // What fails is open; the many that don't are folded, within it.
    private static void WriteChecks(EntryModeStory mode, HtmlWriter writer)
    {
        if (mode.Checks.Count == 0) return;
        ILookup<bool, EntryCheckFact> failing = mode.Checks.ToLookup(check => check.Outcome == Failed);
        EntryCheckFact[] failed = [.. failing[true]];
        EntryCheckFact[] others = [.. failing[false]];
        writer.Open("details", ("open", failed.Length > 0 ? "open" : null), ("class", failed.Length > 0 ? "failing" : null));
        writer.Element("summary", $"{Count(mode.Checks.Count, "entry check")}: {BriefEntryMode.Of(mode).Counts()}");
        if (failed.Length == 0)
        {
            WriteTable(mode, others, "Entry checks", writer);
        }
        else
        {
            WriteTable(mode, failed, "Entry checks that fail", writer);
            if (others.Length > 0)
            {
                writer.Open("details");
                writer.Element("summary", $"the {Count(others.Length, "other")}");
                WriteTable(mode, others, "Entry checks that don't fail", writer);
                writer.Close();
            }
        }

        writer.Close();
    }

    private static void WriteTable(EntryModeStory mode, EntryCheckFact[] checks, string caption, HtmlWriter writer)
    {
        HtmlTable table = new(
            writer, caption, new("outcome"), new("rule", "code", IsHead: true), new("section", "code"), new("condition"), new("found", "code"));
        foreach (EntryCheckFact check in checks)
        {
            string style = check.Outcome switch { Failed => "stop", "passed" => "passed", _ => "faint" };
            table.Row(mode.Evidence, style, check.Outcome, check.Rule, check.Section, check.Condition, check.Found);
        }

        table.Close();
    }

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
