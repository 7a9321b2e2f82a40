using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Kvm;

/// <summary>What <see cref="KvmProbe"/> found out about KVM on this host.</summary>
public sealed record KvmReport
{
    /// <summary>Above this many nanoseconds per ring-0 instruction, KVM emulates them; hardware needs less than one.</summary>
    public const double EmulationThreshold = 100;

    /// <summary>The device node that was looked at.</summary>
    public required string DevicePath { get; init; }

    /// <summary>True when the node exists.</summary>
    public required bool DeviceNodePresent { get; init; }

    /// <summary>What KVM_GET_API_VERSION says, or null when the node can't be opened.</summary>
    public int? ApiVersion { get; init; }

    /// <summary>The capabilities that matter, the required ones first; empty when the node can't be opened.</summary>
    public IReadOnlyList<KvmCapability> Capabilities { get; init; } = [];

    /// <summary>What the host says about itself.</summary>
    public required HostFacts Host { get; init; }

    /// <summary>Why KVM can't be used, in three sentences; null when it can.</summary>
    public VitrineException? Problem { get; init; }

    /// <summary>Time per guest instruction in ring 0, in nanoseconds; null when no guest could run.</summary>
    public double? NanosecondsPerInstruction { get; init; }

    /// <summary>True when a machine can be created and runs.</summary>
    public bool Usable => Problem is null;

    /// <summary>True when ring 0 runs, but instruction by instruction in KVM's emulator: correct with gaps, and a thousand times too slow.</summary>
    public bool EmulatesRing0 => NanosecondsPerInstruction > EmulationThreshold;
}
