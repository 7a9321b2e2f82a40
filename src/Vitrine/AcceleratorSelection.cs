using System.Globalization;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Accelerators.Software;
using Vitrine.Errors;

namespace Vitrine;

/// <summary>
/// Chooses and creates what runs a machine's vCPUs. <see cref="AcceleratorChoice.Auto"/> never chooses something slow
/// silently: it tells in one line what it chose, and why.
/// </summary>
internal static class AcceleratorSelection
{
    /// <summary>Creates the accelerator that is asked for.</summary>
    /// <param name="choice">Which.</param>
    /// <param name="mmu">The MMU mode that is asked for; null when none is.</param>
    /// <param name="engine">The software CPU's engine that is asked for; null when none is.</param>
    /// <param name="calls">Receives every call to it; null observes nothing.</param>
    /// <param name="notice">What <see cref="AcceleratorChoice.Auto"/> chose and why; null when the choice was the user's.</param>
    /// <exception cref="VitrineException">It does not work here.</exception>
    internal static IAccelerator Create(AcceleratorChoice choice, MmuMode? mmu, SoftwareEngine? engine, CallLog? calls, out string? notice)
    {
        IAccelerator accelerator = CreatePlain(choice, mmu, engine, calls, out notice);
        return calls is null ? accelerator : new ObservedAccelerator(accelerator, calls);
    }

    private static IAccelerator CreatePlain(AcceleratorChoice choice, MmuMode? mmu, SoftwareEngine? engine, CallLog? calls, out string? notice)
    {
        notice = null;
        SoftwareOptions options = new();
        if (mmu is { } mode) options = options with { Mmu = mode };
        if (engine is { } asked) options = options with { Engine = asked };
        switch (choice)
        {
            case AcceleratorChoice.Kvm:
                return Kvm(calls);
            case AcceleratorChoice.Soft:
                return SoftwareAccelerator.Create(options);
            case AcceleratorChoice.Auto when mmu is not null:
                notice = "Using the software CPU, because an MMU mode was given, and KVM's own MMU can't be chosen.";
                return SoftwareAccelerator.Create(options);
            case AcceleratorChoice.Auto when engine is not null:
                notice = "Using the software CPU, because --soft says how it is to execute, and KVM has no use for that.";
                return SoftwareAccelerator.Create(options);
            default:
                KvmVerdict verdict = KvmVerdict.Current;
                notice = Sentence(verdict);
                return verdict.WorthUsing ? Kvm(calls) : SoftwareAccelerator.Create(options);
        }
    }

    /// <summary>What auto chooses on a host, and why, in one line.</summary>
    internal static string Sentence(KvmVerdict verdict) => verdict switch
    {
        { WorthUsing: true } => "Using KVM, because it works here and runs the guest's kernel at full speed.",
        { Problem: null } => string.Create(
            CultureInfo.InvariantCulture,
            $"Using the software CPU, because KVM only emulates ring 0 here ({verdict.NanosecondsPerInstruction:0} ns per instruction); --accel kvm would use it anyway."),
        _ => $"Using the software CPU, because KVM does not work here: {verdict.Problem}",
    };

    private static KvmAccelerator Kvm(CallLog? calls) => KvmAccelerator.Create(new KvmOptions { Calls = calls });
}
