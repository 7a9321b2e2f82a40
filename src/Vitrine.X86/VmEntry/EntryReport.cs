using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry;

/// <summary>A processor state as a hypervisor would enter it: every field, the controls with the reason for each, every check.</summary>
/// <param name="Mode">How the hypervisor runs guests.</param>
/// <param name="Fields">The fields of the VMCS or VMCB, in the manual's order.</param>
/// <param name="Controls">The controls that the mode decides.</param>
/// <param name="Checks">Every check, in the order in which the processor makes them.</param>
public sealed record EntryReport(
    EntryMode Mode, ImmutableArray<EntryValue> Fields, ImmutableArray<EntryControl> Controls, ImmutableArray<EntryCheckResult> Checks)
{
    /// <summary>The checks that fail.</summary>
    public IEnumerable<EntryCheckResult> Failures => Checks.Where(check => check.Outcome == EntryOutcome.Failed);

    /// <summary>True when no check fails.</summary>
    public bool Enters => !Failures.Any();
}
