using Vitrine.Accelerators.Observation;

namespace Vitrine.Accelerators.Kvm;

/// <summary>How a virtual machine is set up on KVM.</summary>
public sealed record KvmOptions
{
    /// <summary>The device node. Default /dev/kvm.</summary>
    public string DevicePath { get; init; } = "/dev/kvm";

    /// <summary>
    /// False (default): PIC, IOAPIC, PIT and local APICs are in the kernel. True: only the local APICs are, and the board brings the others.
    /// </summary>
    public bool SplitIrqchip { get; init; }

    /// <summary>Frequency of the guest's time-stamp counter in kHz; null for the host's. Others need a CPU that can scale it.</summary>
    public uint? TscKilohertz { get; init; }

    /// <summary>Receives every system call that is made for the machine, decoded. Null, the default, observes nothing and costs nothing.</summary>
    public CallLog? Calls { get; init; }
}
