using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Step 3 as text: one table for all modes of a vendor, since they differ in few fields.</summary>
internal static class EntryText
{
    private const int LocationWidth = 5;
    private const int ValueWidth = 18;

    /// <summary>Writes it.</summary>
    public static void Write(EntryStory entry, StoryWriter writer)
    {
        if (entry.Refusal.Length > 0) writer.Fact(Evidence.Derived, "is refused", entry.Refusal, TextStyle.Bad);
        foreach (IGrouping<string, EntryModeStory> vendor in entry.Modes.GroupBy(mode => Vendor(mode.Name)))
        {
            EntryModeStory[] modes = [.. vendor];
            writer.Subheading($"{vendor.Key}, by mode");
            foreach ((EntryModeStory mode, int index) in modes.Select((mode, index) => (mode, index)))
            {
                writer.Fact(mode.Evidence, $"{Column(index)} {ModeName(mode.Name)}", mode.Guest, nameWidth: 34);
            }

            WriteControls(modes, writer);
            WriteFields(modes, writer);
            WriteChecks(modes, writer);
        }

        if (!entry.Modes.SelectMany(static mode => mode.Checks).Any(static check => check.Outcome == "not checked")) return;
        writer.Gap();
        writer.Prose("Not applicable: not made in this mode. Not checked: only the host's kernel knows a field. JSON and HTML list each check.");
    }

    private static string Vendor(string name) => name[..name.IndexOf(',', StringComparison.Ordinal)];

    private static string ModeName(string name) => name[(name.IndexOf(',', StringComparison.Ordinal) + 2)..];

    private static string Column(int index) => $"[{index + 1}]";

    private static void WriteControls(EntryModeStory[] modes, StoryWriter writer)
    {
        int[] widths = [32, .. Enumerable.Repeat(3, modes.Length)];
        writer.Gap();
        writer.Head(widths, ["control", .. modes.Select((_, index) => Column(index)), "why"]);
        foreach (string name in modes.SelectMany(mode => mode.Controls).Select(control => control.Name).Distinct())
        {
            SettingFact?[] controls = [.. modes.Select(mode => mode.Controls.FirstOrDefault(control => control.Name == name))];
            string[] reasons = [.. controls.OfType<SettingFact>().Select(control => control.Why).Distinct()];
            writer.Row(Evidence.Derived, widths, [name, .. controls.Select(control => $" {control?.Value ?? "-"}"), string.Join(' ', reasons)]);
        }
    }

    private static void WriteFields(EntryModeStory[] modes, StoryWriter writer)
    {
        int nameWidth = StoryWriter.Width - 2 - (LocationWidth + 1) - (modes.Length * (ValueWidth + 1)) - 1;
        int[] widths = [LocationWidth, nameWidth, .. Enumerable.Repeat(ValueWidth, modes.Length)];
        writer.Gap();
        writer.Head(widths, ["at", "field", .. modes.Select((_, index) => Column(index))]);
        string[] pending = [];
        List<EntryFieldFact> hosts = [];
        foreach (string location in modes.SelectMany(mode => mode.Fields).Select(field => field.Location).Distinct())
        {
            EntryFieldFact?[] fields = [.. modes.Select(mode => mode.Fields.FirstOrDefault(field => field.Location == location))];
            EntryFieldFact named = fields.First(field => field is not null)!;
            if (named.Name.StartsWith("Host ", StringComparison.Ordinal))
            {
                hosts.Add(named);
                continue;
            }

            // The same note for neighbouring fields stands once, behind the last of them.
            string[] notes = [.. Remarks(fields.Select(field => field?.Note))];
            if (!notes.SequenceEqual(pending)) WriteNotes(pending, writer);
            pending = notes;
            string[] values = [.. fields.Select((field, index) => index > 0 && field?.Value == fields[0]?.Value ? "=" : field?.Value ?? "-")];
            writer.Row(Evidence.Derived, widths, [location, Shorten(named.Name), .. values]);
        }

        WriteNotes(pending, writer);
        if (hosts.Count > 0)
        {
            writer.Fact(
                Evidence.Derived,
                "host",
                $"{hosts.Count} fields of the host's own state, to which exits return; only the kernel knows them: " +
                string.Join(", ", hosts.Select(field => $"{field.Location} {field.Name["Host ".Length..]}")),
                nameWidth: LocationWidth);
        }
    }

    private static string Shorten(string name) => name
        .Replace("processor-based VM-execution", "processor-based", StringComparison.Ordinal)
        .Replace("interruption-information field", "interruption information", StringComparison.Ordinal);

    private static void WriteNotes(string[] notes, StoryWriter writer)
    {
        foreach (string note in notes) writer.Row(Evidence.Derived, [LocationWidth, 1], ["", "", note], TextStyle.Faint);
    }

    // Some hundred and eighty checks hide the one that matters: those that fail are told, the others are counted.
    private static void WriteChecks(EntryModeStory[] modes, StoryWriter writer)
    {
        const int NameWidth = 17;
        if (modes.All(static mode => mode.Checks.Count == 0)) return;
        writer.Gap();
        foreach ((EntryModeStory mode, int index) in modes.Select((mode, index) => (mode, index)))
        {
            BriefEntryMode counted = BriefEntryMode.Of(mode);
            TextStyle style = counted.Failed.Count > 0 ? TextStyle.Bad : TextStyle.Plain;
            writer.Fact(mode.Evidence, $"{Column(index)} entry checks", $"{mode.Checks.Count}: {counted.Counts()}", style, NameWidth);
        }

        foreach (EntryCheckFact failed in modes.SelectMany(mode => mode.Checks).Where(check => check.Outcome == "failed").DistinctBy(check => check.Rule))
        {
            string[] verdicts = [.. modes.Select((mode, index) => $"{Column(index)} {mode.Checks.FirstOrDefault(check => check.Rule == failed.Rule)?.Outcome ?? "not applicable"}")];
            writer.Fact(
                Evidence.Derived,
                "FAILS",
                $"{failed.Rule} ({failed.Section}): {failed.Condition} Found: {failed.Found}. {string.Join(", ", verdicts)}.",
                TextStyle.Bad,
                nameWidth: LocationWidth);
        }

    }

    // What is said of one line in each mode (null where the mode hasn't the line), once; with the modes' numbers where it isn't said of all.
    private static IEnumerable<string> Remarks(IEnumerable<string?> byMode)
    {
        (string? Text, int Number)[] remarks = [.. byMode.Select((text, index) => (text, index + 1)).Where(remark => remark.text is not null)];
        foreach (IGrouping<string?, (string? Text, int Number)> same in remarks.GroupBy(remark => remark.Text).Where(group => group.Key!.Length > 0))
        {
            yield return same.Count() == remarks.Length ? same.Key! : $"{string.Concat(same.Select(remark => $"[{remark.Number}]"))} {same.Key}";
        }
    }
}
