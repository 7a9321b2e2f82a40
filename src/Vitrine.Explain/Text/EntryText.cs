using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Step 3 as text: one table for all modes of a vendor, since they differ in few fields.</summary>
internal static class EntryText
{
    private const int LocationWidth = 6;
    private const int NameWidth = 34;
    private const int ValueWidth = 18;
    private const int NotApplicableWidth = 6;

    /// <summary>Writes it.</summary>
    public static void Write(EntryStory entry, StoryWriter writer)
    {
        if (entry.Refusal.Length > 0) writer.Fact(Evidence.Observed, "refused", entry.Refusal, TextStyle.Bad);
        foreach (IGrouping<string, EntryModeStory> vendor in entry.Modes.GroupBy(mode => Vendor(mode.Name)))
        {
            EntryModeStory[] modes = [.. vendor];
            writer.Subheading($"{vendor.Key}: guest-state area and controls, by mode");
            foreach ((EntryModeStory mode, int index) in modes.Select((mode, index) => (mode, index)))
            {
                writer.Fact(mode.Evidence, $"[{index + 1}] {ModeName(mode.Name)}", mode.Guest, nameWidth: 32);
                foreach (SettingFact control in mode.Controls) writer.Fact(control.Evidence, control.Name, $"{control.Value}: {control.Why}", nameWidth: 30, indent: 4);
            }

            WriteFields(modes, writer);
            WriteChecks(modes, writer);
        }
    }

    private static string Vendor(string name) => name[..name.IndexOf(',', StringComparison.Ordinal)];

    private static string ModeName(string name) => name[(name.IndexOf(',', StringComparison.Ordinal) + 2)..];

    private static void WriteFields(EntryModeStory[] modes, StoryWriter writer)
    {
        int[] widths = [LocationWidth, NameWidth, .. Enumerable.Repeat(ValueWidth, modes.Length)];
        writer.Gap();
        writer.Head(widths, ["", "field", .. modes.Select((_, index) => $"[{index + 1}]")]);
        foreach (string location in modes.SelectMany(mode => mode.Fields).Select(field => field.Location).Distinct())
        {
            EntryFieldFact?[] fields = [.. modes.Select(mode => mode.Fields.FirstOrDefault(field => field.Location == location))];
            EntryFieldFact named = fields.First(field => field is not null)!;
            writer.Row(
                Evidence.Derived,
                widths,
                [location, named.Name, .. fields.Select((field, index) => index > 0 && field?.Value == fields[0]?.Value ? "=" : field?.Value ?? "-")]);
            foreach (string note in fields.Select(field => field?.Note ?? "").Where(note => note.Length > 0).Distinct())
            {
                writer.Row(Evidence.Derived, [LocationWidth, 2], ["", "", note], TextStyle.Faint);
            }
        }
    }

    private static void WriteChecks(EntryModeStory[] modes, StoryWriter writer)
    {
        int[] widths = [10, 34, .. Enumerable.Repeat(NotApplicableWidth, modes.Length)];
        writer.Gap();
        writer.Head(widths, ["section", "entry check", .. modes.Select((_, index) => $"[{index + 1}]"), "condition"]);
        foreach (string rule in modes.SelectMany(mode => mode.Checks).Select(check => check.Rule).Distinct())
        {
            EntryCheckFact?[] checks = [.. modes.Select(mode => mode.Checks.FirstOrDefault(check => check.Rule == rule))];
            EntryCheckFact named = checks.First(check => check is not null)!;
            bool failed = checks.Any(check => check?.Outcome == "failed");
            writer.Row(
                Evidence.Derived,
                widths,
                [named.Section, rule, .. checks.Select(check => Word(check?.Outcome)), named.Condition],
                failed ? TextStyle.Bad : TextStyle.Plain);
            foreach (string found in checks.Select(check => check?.Found ?? "").Where(found => found.Length > 0).Distinct())
            {
                writer.Row(Evidence.Derived, [10, 2], ["", "", $"found: {found}"], TextStyle.Bad);
            }
        }
    }

    private static string Word(string? outcome) => outcome switch { "passed" => "ok", "failed" => "FAILS", _ => "-" };
}
