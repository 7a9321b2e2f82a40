using System.Collections.Immutable;

namespace Vitrine.Explain.EntryDumps;

/// <summary>The JSON form of what came of the checks: schema "vitrine.entry-check/1".</summary>
/// <param name="Schema">Its name and version.</param>
/// <param name="Format">What was read, in words.</param>
/// <param name="Line">The line where it begins, from 1.</param>
/// <param name="Enters">Null where there is too little to judge.</param>
/// <param name="Verdict">"enters", "refused", "unexplained" or "too little".</param>
/// <param name="End">How the run ended, as far as the file says.</param>
/// <param name="Findings">What registers and code bytes show, in sentences.</param>
/// <param name="Remarks">How it was read, in sentences.</param>
/// <param name="Checks">Every check.</param>
internal sealed record EntryCheckDocument(
    string Schema, string Format, int Line, bool? Enters, string Verdict, EntryCheckDocument.Ending End, ImmutableArray<string> Findings,
    ImmutableArray<string> Remarks, ImmutableArray<EntryCheckDocument.Check> Checks)
{
    /// <summary>How the run ended: "not said", "refused", "exited" or "internal error", the code, and what it means.</summary>
    internal sealed record Ending(string Kind, string Code, ImmutableArray<string> Meaning);

    /// <summary>One check; the mode is that of a VMCS or VMCB built from registers, else null.</summary>
    internal sealed record Check(
        string? Mode, string Id, string Manual, string Outcome, string? Value, string Text, string Refusal, string UsualCause, string? Unknown);
}
