using System.Globalization;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Observation;
using Vitrine.Accelerators.Software;
using Vitrine.Errors;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;

namespace Vitrine;

/// <summary>
/// Chooses and creates what runs a machine's vCPUs. <see cref="AcceleratorChoice.Auto"/> never chooses something slow
/// silently: it tells in one line what it chose, and why.
/// </summary>
internal static class AcceleratorSelection
{
    /// <summary>Creates the accelerator that is asked for.</summary>
    /// <param name="config">What the machine is to be.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="notice">What <see cref="AcceleratorChoice.Auto"/> chose and why; null when the choice was the user's.</param>
    /// <exception cref="VitrineException">It does not work here.</exception>
    internal static IAccelerator Create(MachineConfig config, MachineClock clock, out string? notice)
    {
        IAccelerator accelerator = CreatePlain(config, clock, out notice);
        return config.Calls is { } calls ? new ObservedAccelerator(accelerator, calls) : accelerator;
    }

    private static IAccelerator CreatePlain(MachineConfig config, MachineClock clock, out string? notice)
    {
        notice = null;
        switch (config.Accelerator)
        {
            case AcceleratorChoice.Kvm:
                return Kvm(config);
            case AcceleratorChoice.Soft:
                return Software(config, clock);
            case AcceleratorChoice.Auto when config.Software.Lockstep:
                notice = "Using the software CPU, because lockstep compares its two engines.";
                return Software(config, clock);
            case AcceleratorChoice.Auto when config.Software.Mmu is not null:
                notice = "Using the software CPU, because an MMU mode was given, and KVM's own MMU can't be chosen.";
                return Software(config, clock);
            case AcceleratorChoice.Auto when config.Software.UserCode is not null:
                notice = "Using the software CPU, because it was said what runs user code, and KVM has no choice there.";
                return Software(config, clock);
            case AcceleratorChoice.Auto when config.Software.Engine is not null:
                notice = "Using the software CPU, because an engine of it was chosen, and KVM has no use for that.";
                return Software(config, clock);
            default:
                KvmVerdict verdict = KvmVerdict.Current;
                notice = Sentence(verdict);
                return verdict.WorthUsing ? Kvm(config) : Software(config, clock);
        }
    }

    /// <summary>What auto chooses on a host, and why, in one line.</summary>
    internal static string Sentence(KvmVerdict verdict) => verdict switch
    {
        { WorthUsing: true } => "Using KVM, because it works here and runs the guest's kernel at full speed.",
        { Problem: null } => string.Create(
            CultureInfo.InvariantCulture,
            $"Using the software CPU, because KVM only emulates ring 0 here ({verdict.NanosecondsPerInstruction:0} ns per instruction)."),
        _ => $"Using the software CPU, because KVM does not work here: {verdict.Problem}",
    };

    private static void SayWhyTranslated(SoftwareAccelerator accelerator, Action<string>? notice)
    {
        if (accelerator.UserCodeObstacle is { } obstacle) notice?.Invoke($"The guest's user code is translated, because {obstacle}.");
        else if (NativeUserProbe.FindRefusal() is { } refused) notice?.Invoke($"The guest's user code is translated, because the host refuses {refused}.");
    }

    private static KvmAccelerator Kvm(MachineConfig config) => KvmAccelerator.Create(new KvmOptions { Calls = config.Calls });

    private static SoftwareAccelerator Software(MachineConfig config, MachineClock clock)
    {
        SoftwareAccelerator accelerator = SoftwareAccelerator.Create(config.Software, config.Cpus, clock);
        accelerator.CheckModel(CpuModels.Get(config.CpuModel));
        if (config.Software.UserCode is UserCode.Native or UserCode.Auto) SayWhyTranslated(accelerator, config.Notice);
        return accelerator;
    }
}
