using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Software;

namespace Vitrine;

/// <summary>What this host offers for running machines.</summary>
/// <param name="Kvm">What KVM can do here, and why not where it can't.</param>
/// <param name="AutomaticChoice">What <see cref="AcceleratorChoice.Auto"/> chooses: <see cref="AcceleratorChoice.Kvm"/> or <see cref="AcceleratorChoice.Soft"/>.</param>
/// <param name="Reason">Why, in one line.</param>
/// <param name="Cpu">The host's CPU.</param>
/// <param name="AvailableMemory">Memory in bytes that a guest may have; null when the host doesn't say.</param>
public sealed record HostReport(KvmReport Kvm, AcceleratorChoice AutomaticChoice, string Reason, HostCpu Cpu, ulong? AvailableMemory)
{
    /// <summary>
    /// True when the host has a KVM that works, with a processor that runs ring 0 itself. What was measured since the host booted is not measured again.
    /// </summary>
    public static bool RunsKvmAtFullSpeed => KvmVerdict.Current.WorthUsing;

    /// <summary>What the host refuses, so that user code can't run on its processor without KVM; null where it refuses nothing.</summary>
    public string? NativeRefusal { get; init; }

    /// <summary>Looks at the host now; takes some ten milliseconds.</summary>
    public static HostReport Examine()
    {
        KvmReport kvm = KvmProbe.Examine();
        KvmVerdict verdict = KvmVerdict.Of(kvm);
        return new HostReport(
            kvm,
            verdict.WorthUsing ? AcceleratorChoice.Kvm : AcceleratorChoice.Soft,
            AcceleratorSelection.Sentence(verdict),
            HostCpu.Read(),
            HostMemory.AvailableBytes)
        {
            NativeRefusal = NativeUserProbe.FindRefusal(),
        };
    }
}
