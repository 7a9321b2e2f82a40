using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>A VMCS or VMCB read from a file, or built from registers that a file has.</summary>
/// <param name="Format">What it was read from, in words.</param>
/// <param name="Line">The line where it begins, from 1.</param>
/// <param name="Trials">What to check: one area; from registers, one for each mode that they may have been entered in.</param>
/// <param name="Environment">The processor that it comes from, as far as the file says.</param>
/// <param name="Remarks">What a reader should know of how it was read, in sentences.</param>
public sealed record EntryDump(
    string Format, int Line, ImmutableArray<EntryTrial> Trials, EntryEnvironment Environment, ImmutableArray<string> Remarks)
{
    /// <summary>How the run ended, as far as the file says.</summary>
    public RunEnd End { get; init; } = RunEnd.NotSaid;

    /// <summary>What the registers and code bytes show beside the checks, in sentences.</summary>
    public ImmutableArray<string> Findings { get; init; } = [];

    /// <summary>The fields: of the first trial where there are several.</summary>
    public EntryArea Area => Trials[0].Area;

    /// <summary>Makes every check on <see cref="Area"/>.</summary>
    public ImmutableArray<EntryCheckResult> Check() => Trials[0].Check(Environment);
}
