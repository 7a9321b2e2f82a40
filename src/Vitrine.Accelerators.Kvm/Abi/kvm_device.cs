using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>Argument of KVM_SET_DEVICE_ATTR and its kin.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_device_attr
{
    public uint flags;
    public uint group;
    public ulong attr;
    public ulong addr;
}

/// <summary>Argument of KVM_CREATE_DEVICE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_create_device
{
    public uint type;
    public uint fd;
    public uint flags;
}
