namespace Vitrine.Explain.Model;

/// <summary>The checks of VM entry in one mode, counted by their outcome.</summary>
/// <param name="Name">The mode.</param>
/// <param name="Passed">How many hold.</param>
/// <param name="NotApplicable">How many aren't made in this mode.</param>
/// <param name="NotChecked">How many are about a field that only the host's kernel knows.</param>
/// <param name="Failed">Those that fail.</param>
public sealed record BriefEntryMode(string Name, int Passed, int NotApplicable, int NotChecked, IReadOnlyList<EntryCheckFact> Failed)
{
    /// <summary>Counts the checks of a mode.</summary>
    public static BriefEntryMode Of(EntryModeStory mode)
    {
        ArgumentNullException.ThrowIfNull(mode);
        return new BriefEntryMode(
            mode.Name,
            mode.Checks.Count(static check => check.Outcome == "passed"),
            mode.Checks.Count(static check => check.Outcome == "not applicable"),
            mode.Checks.Count(static check => check.Outcome == "not checked"),
            [.. mode.Checks.Where(static check => check.Outcome == "failed")]);
    }

    /// <summary>The counts in words, without those that are zero; what fails comes first: "1 failed, 3 passed".</summary>
    public string Counts()
    {
        (string Outcome, int Count)[] all = [("failed", Failed.Count), ("passed", Passed), ("not applicable", NotApplicable), ("not checked", NotChecked)];
        return string.Join(", ", all.Where(static entry => entry.Count > 0).Select(static entry => $"{entry.Count} {entry.Outcome}"));
    }
}
