using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>A VMCS or VMCB read from a file.</summary>
/// <param name="Format">What it was read from, in words.</param>
/// <param name="Line">The line where it begins, from 1.</param>
/// <param name="Area">The fields that the dump has: a <see cref="Vmcs"/> or a <see cref="Vmcb"/>.</param>
/// <param name="Environment">The processor that it comes from, as far as the file says.</param>
/// <param name="Remarks">What a reader should know of how it was read, in sentences.</param>
public sealed record EntryDump(string Format, int Line, EntryArea Area, EntryEnvironment Environment, ImmutableArray<string> Remarks)
{
    /// <summary>Makes every check on it.</summary>
    public ImmutableArray<EntryCheckResult> Check() =>
        Area is Vmcs vmcs ? EntryChecks.Evaluate(vmcs, Environment) : EntryChecks.Evaluate((Vmcb)Area, Environment);
}
