using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Watch;

/// <summary>What a descriptor of the client's stands for; its duplicates share it.</summary>
/// <param name="kind">/dev/kvm, a machine or a vCPU.</param>
/// <param name="machine">The machine; null for /dev/kvm.</param>
/// <param name="vcpu">The vCPU; null for others, and for one that can't be looked at.</param>
internal sealed class WatchedFile(KvmDescriptorKind kind, WatchedMachine? machine, HardwareVcpu? vcpu)
{
    /// <summary>What it is.</summary>
    public KvmDescriptorKind Kind => kind;

    /// <summary>The machine; null for /dev/kvm.</summary>
    public WatchedMachine? Machine => machine;

    /// <summary>The vCPU; null for others, and for one that can't be looked at.</summary>
    public HardwareVcpu? Vcpu => vcpu;

    /// <summary>How many descriptors of it are known.</summary>
    public int Descriptors { get; set; }
}
