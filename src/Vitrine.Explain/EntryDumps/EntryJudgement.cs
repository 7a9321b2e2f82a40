using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What came of the checks on a dump.</summary>
/// <param name="Verdict">All together.</param>
/// <param name="Results">What came of each check, for each of <see cref="EntryDump.Trials"/>.</param>
public sealed record EntryJudgement(EntryVerdict Verdict, ImmutableArray<ImmutableArray<EntryCheckResult>> Results)
{
    /// <summary>Judges a dump.</summary>
    public static EntryJudgement Of(EntryDump dump)
    {
        ArgumentNullException.ThrowIfNull(dump);
        ImmutableArray<ImmutableArray<EntryCheckResult>> results = [.. dump.Trials.Select(trial => trial.Check(dump.Environment))];
        EntryVerdict verdict = results.Any(Fails) ? EntryVerdict.Refused
            : dump.End.Kind == RunEndKind.Refused ? EntryVerdict.Unexplained
            : results.All(HasTooLittle) ? EntryVerdict.TooLittle
            : EntryVerdict.Enters;
        return new EntryJudgement(verdict, results);
    }

    private static bool Fails(ImmutableArray<EntryCheckResult> results) => results.Any(result => result.Outcome == EntryOutcome.Failed);

    // More checks left out for want of a value than made. What the host's kernel chooses is left out by design.
    private static bool HasTooLittle(ImmutableArray<EntryCheckResult> results) =>
        results.Count(result => result.Outcome == EntryOutcome.NotChecked && !result.UnknownToHost) >
        results.Count(result => result.Outcome is EntryOutcome.Passed or EntryOutcome.NotApplicable);
}
