using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The descriptor of a virtual machine.</summary>
internal sealed class KvmVmHandle : KvmDescriptor
{
    public KvmVmHandle(IKvmSystem system, int descriptor)
        : base(system, KvmDescriptorKind.Vm, descriptor)
    {
    }

    /// <summary>Creates a vCPU.</summary>
    /// <param name="id">Number and local-APIC id.</param>
    public KvmVcpuHandle CreateVcpu(int id) => new(System, Call(KvmIoctl.KVM_CREATE_VCPU, id));

    /// <summary>Turns on a capability that is off by default.</summary>
    public unsafe void Enable(uint capability, ulong argument)
    {
        var enable = new kvm_enable_cap { cap = capability };
        enable.args[0] = argument;
        Call(KvmIoctl.KVM_ENABLE_CAP, ref enable);
    }
}
