using Vitrine.Accelerators;

namespace Vitrine.KvmServer.Watch;

/// <summary>
/// Looks at what vCPUs do inside KVM_RUN, an instruction at a time for as long as it wants. Called by the thread that runs the vCPU, between two instructions; what it
/// throws is a fault of the server.
/// </summary>
public interface IVcpuWatcher
{
    /// <summary>The vCPU is about to enter the guest, for the first time or after an exit.</summary>
    /// <returns>True to be called behind each instruction.</returns>
    bool Enters(WatchedVcpu vcpu);

    /// <summary>An instruction is done, or an event was delivered.</summary>
    /// <returns>True to be called behind the next one too.</returns>
    bool Stepped(WatchedVcpu vcpu);

    /// <summary>The guest was left in the middle of an instruction that is watched, for a device or for the client. Its data is not answered yet.</summary>
    void Left(WatchedVcpu vcpu, ref VmExit exit);

    /// <summary>KVM_RUN returns: what <see cref="Left"/> was told is for the client. Without this call the server answers it itself.</summary>
    void Returns(WatchedVcpu vcpu);
}
