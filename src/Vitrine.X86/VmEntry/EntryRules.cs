using System.Collections.Immutable;
using Vitrine.X86.VmEntry.Rules;

namespace Vitrine.X86.VmEntry;

/// <summary>
/// The tables of entry checks, in the order in which the processor makes them. What can't be decided from the VMCS or VMCB alone, because it lies in
/// memory (MSR-load areas, the page of the link pointer), isn't in them.
/// </summary>
public static class EntryRules
{
    /// <summary>Checks of VMLAUNCH and VMRESUME: controls, host state, guest state (SDM vol. 3, 26.2 and 26.3).</summary>
    public static ImmutableArray<EntryRule> Vmx { get; } = [.. VmxRules];

    /// <summary>Checks of VMRUN (APM vol. 2, 15.5.1).</summary>
    public static ImmutableArray<EntryRule> Svm { get; } = [.. SvmRules.All];

    private static IEnumerable<VmxRule> VmxRules =>
    [
        .. VmxControlRules.All, .. VmxEventRules.All, .. VmxHostRules.All, .. VmxRegisterRules.All, .. VmxSegmentRules.All,
        .. VmxRegisterRules.DescriptorTables, .. VmxStateRules.All,
    ];
}
