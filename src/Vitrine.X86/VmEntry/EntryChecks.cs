using System.Collections.Immutable;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry.Rules;

namespace Vitrine.X86.VmEntry;

/// <summary>Makes the processor's checks on a VMCS, a VMCB, or the one that a hypervisor would build from a processor state.</summary>
public static class EntryChecks
{
    // Only what comes from the guest: the controls that a builder chooses always pass, and the host's state isn't known.
    private static readonly ImmutableArray<VmxRule> s_guestRules =
        [.. EntryRules.Vmx.Cast<VmxRule>().Where(rule => rule.Refusal == EntryRefusal.VmxGuest || rule.Id.StartsWith("control.event", StringComparison.Ordinal))];

    /// <summary>What a processor that enters this state in this mode would find: all fields, controls and checks.</summary>
    /// <param name="state">The guest's registers.</param>
    /// <param name="mode">How the hypervisor runs guests.</param>
    /// <param name="environment">The host's processor; null when it isn't known.</param>
    public static EntryReport Check(ProcessorState state, EntryMode mode, EntryEnvironment? environment = null)
    {
        environment ??= EntryEnvironment.Default;
        if (mode.IsVmx())
        {
            Vmcs vmcs = VmcsBuilder.Build(state, mode, environment);
            return new EntryReport(mode, [.. vmcs.Values], VmxControlChoices.For(vmcs), Evaluate(vmcs, environment));
        }

        Vmcb vmcb = VmcbBuilder.Build(state, mode);
        return new EntryReport(mode, [.. vmcb.Values], SvmControlChoices.For(vmcb), Evaluate(vmcb, environment));
    }

    /// <summary>Makes every check on a VMCS.</summary>
    public static ImmutableArray<EntryCheckResult> Evaluate(Vmcs vmcs, EntryEnvironment? environment = null)
    {
        VmxView view = new(vmcs, environment ?? EntryEnvironment.Default);
        return [.. EntryRules.Vmx.Select(rule => Evaluate((VmxRule)rule, view))];
    }

    /// <summary>Makes every check on a VMCB.</summary>
    public static ImmutableArray<EntryCheckResult> Evaluate(Vmcb vmcb, EntryEnvironment? environment = null)
    {
        SvmView view = new(vmcb, environment ?? EntryEnvironment.Default);
        return [.. EntryRules.Svm.Select(rule => Evaluate((SvmRule)rule, view))];
    }

    /// <summary>
    /// The first check that a processor with EPT and unrestricted guest would refuse the state with; null when it enters. Checks only what comes from
    /// the guest, and stops at the first failure: this is what the software CPU does at each put.
    /// </summary>
    public static EntryCheckResult? FirstFailure(ProcessorState state, EntryEnvironment? environment = null)
    {
        environment ??= EntryEnvironment.Default;
        VmxView view = new(VmcsBuilder.Build(state, EntryMode.EptUnrestricted, environment), environment);
        foreach (VmxRule rule in s_guestRules)
        {
            if ((rule.Applies is null || rule.Applies(view)) && !rule.Holds(view)) return Evaluate(rule, view);
        }

        return null;
    }

    /// <summary>Makes one check.</summary>
    internal static EntryCheckResult Evaluate(VmxRule rule, VmxView view)
    {
        ulong? value = view.Vmcs.TryGet(rule.Subject, out ulong known) ? known : null;
        view.Unknown = null;
        EntryOutcome outcome = rule.Applies is { } applies && !applies(view) ? EntryOutcome.NotApplicable
            : view.Unknown is null && rule.Holds(view) ? EntryOutcome.Passed : EntryOutcome.Failed;
        return view.Unknown is { } unknown
            ? new(rule, EntryOutcome.NotChecked, value, unknown.Describe(), view.Vmcs.IsChosenByHost(unknown))
            : new(rule, outcome, value);
    }

    /// <summary>Makes one check.</summary>
    internal static EntryCheckResult Evaluate(SvmRule rule, SvmView view)
    {
        ulong? value = view.Vmcb.TryGet(rule.Subject, out ulong known) ? known : null;
        view.Unknown = null;
        EntryOutcome outcome = rule.Applies is { } applies && !applies(view) ? EntryOutcome.NotApplicable
            : view.Unknown is null && rule.Holds(view) ? EntryOutcome.Passed : EntryOutcome.Failed;
        return view.Unknown is { } unknown
            ? new(rule, EntryOutcome.NotChecked, value, unknown.Describe(), view.Vmcb.IsChosenByHost(unknown))
            : new(rule, outcome, value);
    }
}
