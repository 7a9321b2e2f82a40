using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The descriptor of a vCPU.</summary>
internal sealed class KvmVcpuHandle : KvmDescriptor
{
    public KvmVcpuHandle(IKvmSystem system, int descriptor)
        : base(system, KvmDescriptorKind.Vcpu, descriptor)
    {
    }

    /// <summary>Another descriptor of the same vCPU: of somebody else's, who may have closed the one before.</summary>
    public int Descriptor
    {
        get => Number;
        set => SetHandle(value);
    }

    /// <summary>Maps the pages shared with KVM.</summary>
    /// <param name="length">What KVM_GET_VCPU_MMAP_SIZE says, in bytes.</param>
    public KvmRunMapping Map(int length) => new(System, Number, (nuint)length);

    /// <summary>KVM_RUN. Returns 0 or −errno.</summary>
    public int Run() =>
        // Every exit passes here, so the usual case is a direct call: after an exit the predictor for indirect ones is cold.
        System is LinuxKvmSystem linux
            ? linux.Ioctl(KvmDescriptorKind.Vcpu, Number, KvmIoctl.KVM_RUN, 0)
            : System.Ioctl(KvmDescriptorKind.Vcpu, Number, KvmIoctl.KVM_RUN, 0);
}
