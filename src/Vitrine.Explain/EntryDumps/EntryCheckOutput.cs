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
    /// <param name="judgement">What came of it.</param>
    /// <param name="all">Lists every check, not only those that fail.</param>
    /// <param name="output">Where to.</param>
    /// <param name="hint">How the others are listed, where they aren't; null says nothing.</param>
    public static void WriteText(EntryDump dump, EntryJudgement judgement, bool all, TextWriter output, string? hint = null)
    {
        ArgumentNullException.ThrowIfNull(dump);
        ArgumentNullException.ThrowIfNull(judgement);
        ArgumentNullException.ThrowIfNull(output);
        WriteSentences(output, dump.Remarks);
        // With registers the question is what happened; the checks on what KVM would have built from them are one part of the answer.
        bool fromRegisters = dump.Trials[0].Mode is not null;
        if (!fromRegisters) Wrap(output, "", Verdict(dump, judgement));
        WriteSentences(output, dump.End.Sentences);
        WriteSentences(output, dump.Findings);
        if (fromRegisters) Wrap(output, "", Verdict(dump, judgement));
        foreach ((EntryTrial trial, ImmutableArray<EntryCheckResult> results) in dump.Trials.Zip(judgement.Results))
        {
            if (trial.Mode is { } mode)
            {
                output.WriteLine();
                EntryCheckResult? first = results.FirstOrDefault(result => result.Outcome == EntryOutcome.Failed);
                Wrap(output, "", $"As {mode.Title()}: {(first is null ? "no check fails" : $"refused, {first.Rule.Refusal.Describe()}")}.");
            }

            foreach (EntryCheckResult result in results.Where(result => result.Outcome == EntryOutcome.Failed)) WriteFailure(output, result);
            bool unexplained = judgement.Verdict == EntryVerdict.Unexplained;
            if (!fromRegisters || results.Any(result => result.Outcome == EntryOutcome.Failed)) output.WriteLine();
            WriteCounts(output, results, all ? null : hint);
            if (fromRegisters && !unexplained) WriteBriefly(output, results);
            else WriteUnchecked(output, results, fromRegisters);
            if (unexplained) Wrap(output, "", Beyond(trial));
            if (all) WriteAll(output, results);
        }
    }

    /// <summary>Writes JSON, schema "vitrine.entry-check/1".</summary>
    public static void WriteJson(EntryDump dump, EntryJudgement judgement, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(dump);
        ArgumentNullException.ThrowIfNull(judgement);
        ArgumentNullException.ThrowIfNull(output);
        EntryCheckDocument document = new(
            "vitrine.entry-check/1", dump.Format, dump.Line,
            judgement.Verdict == EntryVerdict.TooLittle ? null : judgement.Verdict == EntryVerdict.Enters,
            Name(judgement.Verdict), new EntryCheckDocument.Ending(Name(dump.End.Kind), dump.End.Code, dump.End.Sentences),
            dump.Findings, dump.Remarks,
            [.. dump.Trials.Zip(judgement.Results).SelectMany(pair => pair.Second.Select(result => ToJson(pair.First.Mode, result)))]);
        output.WriteLine(JsonSerializer.Serialize(document, EntryJsonContext.Default.EntryCheckDocument));
    }

    private static EntryCheckDocument.Check ToJson(EntryMode? mode, EntryCheckResult result) => new(
        mode?.Title(), result.Rule.Id, result.Rule.Manual, Name(result.Outcome), result.Value is { } value ? $"0x{value:x}" : null, result.Rule.Text,
        result.Rule.Refusal.Describe(), result.Rule.UsualCause, result.Unknown?.Key);

    private static string Verdict(EntryDump dump, EntryJudgement judgement)
    {
        switch (judgement.Verdict)
        {
            case EntryVerdict.Enters:
                return $"No check fails on {dump.Format}.";
            case EntryVerdict.TooLittle:
                return $"Too little to judge: most checks on {dump.Format} need fields that it doesn't have.";
            case EntryVerdict.Unexplained:
                return $"The processor refused {dump.Format} ({dump.End.Code}), but no check that can be made on it fails. " +
                    "This is a contradiction: what was refused must be among what could not be checked, or the dump is not that of the refused entry.";
            default:
                EntryRule rule = judgement.Results.SelectMany(results => results).First(result => result.Outcome == EntryOutcome.Failed).Rule;
                bool everywhere = judgement.Results.All(results => results.Any(result => result.Outcome == EntryOutcome.Failed));
                return everywhere
                    ? $"The processor refuses {dump.Format}: {rule.Refusal.Describe()}."
                    : $"A processor refuses {dump.Format} in one of the two modes below: {rule.Refusal.Describe()}.";
        }
    }

    // What no dump has.
    private static string Beyond(EntryTrial trial) => trial.Area is Vmcs
        ? "Not in a dump at all: the MSR-load areas, the page that the VMCS link pointer names, the PDPTEs in memory without EPT, and what this " +
          "processor allows: its controls (IA32_VMX_* MSRs), its CR4 bits, and its physical-address width (52 bits are assumed)."
        : "Not in a dump at all: the state that SEV-ES encrypts, and what this processor allows: CR4 and EFER bits, the number of ASIDs, " +
          "and its physical-address width (52 bits are assumed).";

    private static void WriteSentences(TextWriter output, ImmutableArray<string> sentences)
    {
        foreach (string sentence in sentences) Wrap(output, "", sentence);
    }

    private static void WriteFailure(TextWriter output, EntryCheckResult result)
    {
        output.WriteLine();
        output.WriteLine($"{result.Rule.Id}  ({result.Rule.Manual}; {result.Rule.Refusal.Describe()})");
        Wrap(output, Indent, result.Rule.Text);
        Wrap(output, Indent, $"Here {result.Offence}.");
        Wrap(output, Indent, $"Usual cause: {result.Rule.UsualCause}");
    }

    private static void WriteCounts(TextWriter output, ImmutableArray<EntryCheckResult> results, string? hint)
    {
        int Count(EntryOutcome outcome) => results.Count(result => result.Outcome == outcome);
        string how = hint is null ? "" : $" ({hint})";
        Wrap(output, "", string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(EntryOutcome.Passed)} checks passed, {Count(EntryOutcome.Failed)} failed, {Count(EntryOutcome.NotApplicable)} don't apply{how}."));
    }

    private static void WriteUnchecked(TextWriter output, ImmutableArray<EntryCheckResult> results, bool fromRegisters)
    {
        // What only the host's kernel has is, of registers, one remark and not twenty.
        foreach (IGrouping<(string Key, bool Host), EntryCheckResult> group in Unchecked(results)
            .Where(result => !(fromRegisters && result.UnknownToHost))
            .GroupBy(result => (result.Unknown!.Name, result.UnknownToHost)))
        {
            string reason = group.Key.Host ? $"the host chooses '{group.Key.Key}'" : $"the dump doesn't have '{group.Key.Key}'";
            Wrap(output, "", $"Not checked, because {reason}: {string.Join(", ", group.Select(result => result.Rule.Id))}.");
        }

        int host = fromRegisters ? Unchecked(results).Count(result => result.UnknownToHost) : 0;
        if (host > 0) Wrap(output, "", $"Not checked, because the host's kernel chooses the values: {host} checks.");
    }

    private static void WriteBriefly(TextWriter output, ImmutableArray<EntryCheckResult> results)
    {
        EntryCheckResult[] missing = [.. Unchecked(results).Where(result => !result.UnknownToHost)];
        int host = Unchecked(results).Count() - missing.Length;
        if (missing.Length > 0)
        {
            Wrap(output, "", $"Not checked, because registers don't show them: {missing.Length} checks on " +
                $"{string.Join(", ", missing.Select(result => result.Unknown!.Name).Distinct())}.");
        }

        if (host > 0) Wrap(output, "", $"Not checked, because the host's kernel chooses the values: {host} checks.");
    }

    private static IEnumerable<EntryCheckResult> Unchecked(ImmutableArray<EntryCheckResult> results) =>
        results.Where(result => result.Outcome == EntryOutcome.NotChecked);

    private static void WriteAll(TextWriter output, ImmutableArray<EntryCheckResult> results)
    {
        output.WriteLine();
        foreach (EntryCheckResult result in results)
        {
            string value = result.Value is { } number ? $"0x{number:x}" : "-";
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Name(result.Outcome),-14} {result.Rule.Id,-36} {result.Rule.Manual,-23} {value}").TrimEnd());
        }
    }

    private static string Name(EntryOutcome outcome) => outcome switch
    {
        EntryOutcome.Passed => "passed",
        EntryOutcome.Failed => "failed",
        EntryOutcome.NotApplicable => "not applicable",
        _ => "not checked",
    };

    private static string Name(EntryVerdict verdict) => verdict switch
    {
        EntryVerdict.Enters => "enters",
        EntryVerdict.Refused => "refused",
        EntryVerdict.Unexplained => "unexplained",
        _ => "too little",
    };

    private static string Name(RunEndKind kind) => kind switch
    {
        RunEndKind.Refused => "refused",
        RunEndKind.Exited => "exited",
        RunEndKind.InternalError => "internal error",
        _ => "not said",
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
