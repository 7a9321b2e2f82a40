using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Files;
using Vitrine.KvmServer.Watch;

namespace Vitrine.KvmServer;

/// <summary>One ioctl of a client.</summary>
/// <param name="Kind">What it is made on.</param>
/// <param name="Machine">Number of the virtual machine in this process, from 1; 0 for a call on /dev/kvm.</param>
/// <param name="Vcpu">Number of the vCPU; -1 where it is made on none.</param>
/// <param name="Request">The ioctl's number, see <see cref="KvmIoctl"/>.</param>
/// <param name="Argument">Its argument: a number, or the address of a structure in this process.</param>
/// <param name="Pages">Address of the vCPU's shared pages, which begin with struct kvm_run; 0 where the call is made on none.</param>
/// <param name="Watched">The vCPU to look at; null where the call is made on none.</param>
public readonly record struct KvmCall(KvmDescriptorKind Kind, int Machine, int Vcpu, uint Request, ulong Argument, nint Pages, WatchedVcpu? Watched)
{
    /// <summary>Bytes of <see cref="Pages"/>.</summary>
    public nuint PagesLength { get; init; } = VcpuFile.Bytes;
}
