using Vitrine.Accelerators.Software;
using Vitrine.KvmServer.Watch;
using Vitrine.X86.Cpuid;

namespace Vitrine.KvmServer;

/// <summary>What can be chosen about a served KVM.</summary>
public sealed record KvmHostOptions
{
    /// <summary>What KVM_GET_SUPPORTED_CPUID offers; null for the best that the host allows.</summary>
    public CpuModel? Model { get; init; }

    /// <summary>The engine and the MMU of the CPU that guests run on.</summary>
    public SoftwareOptions Cpu { get; init; } = new();

    /// <summary>Hears of every call when it has returned; null for nobody. Called by the thread that makes the call.</summary>
    public IKvmCallObserver? Observer { get; init; }

    /// <summary>Looks at what vCPUs do inside KVM_RUN; null for nobody.</summary>
    public IVcpuWatcher? Watcher { get; init; }
}
