using System.Collections.Immutable;

namespace Vitrine.Explain.EntryDumps;

/// <summary>The JSON form of what came of the checks: schema "vitrine.entry-check/1".</summary>
internal sealed record EntryCheckDocument(
    string Schema, string Format, int Line, bool Enters, ImmutableArray<string> Remarks, ImmutableArray<EntryCheckDocument.Check> Checks)
{
    /// <summary>One check.</summary>
    internal sealed record Check(string Id, string Manual, string Outcome, string? Value, string Text, string Refusal, string UsualCause, string? Unknown);
}
