using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Tells what came of the checks, for people and for programs.</summary>
public static class EntryCheckOutput
{
    private const int Columns = 100;
    private const string Indent = "    ";

    /// <summary>Writes text of at most 100 columns.</summary>
    /// <param name="dump">What was checked.</param>
    /// <param name="results">What came of it.</param>
    /// <param name="all">Lists every check, not only those that fail.</param>
    /// <param name="output">Where to.</param>
    public static void WriteText(EntryDump dump, ImmutableArray<EntryCheckResult> results, bool all, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(dump);
        ArgumentNullException.ThrowIfNull(output);
        foreach (string remark in dump.Remarks) Wrap(output, "", remark);
        EntryCheckResult[] failed = [.. results.Where(result => result.Outcome == EntryOutcome.Failed)];
        Wrap(output, "", failed.Length == 0
            ? $"No check fails on {dump.Format}."
            : $"The processor refuses {dump.Format}: {failed[0].Rule.Refusal.Describe()}.");
        foreach (EntryCheckResult result in failed) WriteFailure(output, result);
        output.WriteLine();
        WriteCounts(output, results, all);
        if (!all) return;
        output.WriteLine();
        foreach (EntryCheckResult result in results)
        {
            string value = result.Value is { } number ? $"0x{number:x}" : "-";
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Name(result.Outcome),-14} {result.Rule.Id,-36} {result.Rule.Manual,-23} {value}").TrimEnd());
        }
    }

    /// <summary>Writes JSON, schema "vitrine.entry-check/1".</summary>
    public static void WriteJson(EntryDump dump, ImmutableArray<EntryCheckResult> results, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(dump);
        ArgumentNullException.ThrowIfNull(output);
        EntryCheckDocument document = new(
            "vitrine.entry-check/1", dump.Format, dump.Line, results.All(result => result.Outcome != EntryOutcome.Failed), dump.Remarks,
            [.. results.Select(result => new EntryCheckDocument.Check(
                result.Rule.Id, result.Rule.Manual, Name(result.Outcome), result.Value is { } value ? $"0x{value:x}" : null, result.Rule.Text,
                result.Rule.Refusal.Describe(), result.Rule.UsualCause, result.Unknown?.Key))]);
        output.WriteLine(JsonSerializer.Serialize(document, EntryJsonContext.Default.EntryCheckDocument));
    }

    private static void WriteFailure(TextWriter output, EntryCheckResult result)
    {
        output.WriteLine();
        output.WriteLine($"{result.Rule.Id}  ({result.Rule.Manual}; {result.Rule.Refusal.Describe()})");
        Wrap(output, Indent, result.Rule.Text);
        Wrap(output, Indent, $"Here {result.Offence}.");
        Wrap(output, Indent, $"Usual cause: {result.Rule.UsualCause}");
    }

    private static void WriteCounts(TextWriter output, ImmutableArray<EntryCheckResult> results, bool all)
    {
        int Count(EntryOutcome outcome) => results.Count(result => result.Outcome == outcome);
        string hint = all ? "" : " (--all lists them)";
        Wrap(output, "", string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(EntryOutcome.Passed)} checks passed, {Count(EntryOutcome.Failed)} failed, {Count(EntryOutcome.NotApplicable)} don't apply{hint}."));
        foreach (IGrouping<(string Key, bool Host), EntryCheckResult> group in results
            .Where(result => result.Outcome == EntryOutcome.NotChecked)
            .GroupBy(result => (result.Unknown!.Name, result.UnknownToHost)))
        {
            string reason = group.Key.Host ? $"the host chooses '{group.Key.Key}'" : $"the dump doesn't have '{group.Key.Key}'";
            Wrap(output, "", $"Not checked, because {reason}: {string.Join(", ", group.Select(result => result.Rule.Id))}.");
        }
    }

    private static string Name(EntryOutcome outcome) => outcome switch
    {
        EntryOutcome.Passed => "passed",
        EntryOutcome.Failed => "failed",
        EntryOutcome.NotApplicable => "not applicable",
        _ => "not checked",
    };

    private static void Wrap(TextWriter output, string indent, string text)
    {
        string line = indent;
        foreach (string word in text.Split(' '))
        {
            if (line.Length > indent.Length && line.Length + 1 + word.Length > Columns)
            {
                output.WriteLine(line);
                line = indent;
            }

            line += line.Length > indent.Length ? " " + word : word;
        }

        output.WriteLine(line);
    }
}
