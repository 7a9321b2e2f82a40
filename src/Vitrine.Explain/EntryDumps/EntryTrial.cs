using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>A VMCS or VMCB to check.</summary>
/// <param name="Mode">How the hypervisor would run the guest, where the area was built from registers; null where the dump has the area itself.</param>
/// <param name="Area">A <see cref="Vmcs"/> or a <see cref="Vmcb"/>.</param>
/// <param name="Assumed">Fields that have a value only so that other checks can be made; checks on them count as not checked.</param>
public sealed record EntryTrial(EntryMode? Mode, EntryArea Area, ImmutableArray<EntryField> Assumed)
{
    /// <summary>Makes every check on it.</summary>
    /// <param name="environment">The processor.</param>
    public ImmutableArray<EntryCheckResult> Check(EntryEnvironment environment)
    {
        ImmutableArray<EntryCheckResult> results =
            Area is Vmcs vmcs ? EntryChecks.Evaluate(vmcs, environment) : EntryChecks.Evaluate((Vmcb)Area, environment);
        return Assumed.IsEmpty ? results : [.. results.Select(result => Assumed.Contains(result.Rule.Fields[0])
            ? new EntryCheckResult(result.Rule, EntryOutcome.NotChecked, null, result.Rule.Fields[0]) : result)];
    }
}
