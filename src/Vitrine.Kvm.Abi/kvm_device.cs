using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_SET_DEVICE_ATTR and its kin.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_device_attr
{
    public uint flags;
    public uint group;
    public ulong attr;
    public ulong addr;
}

/// <summary>Argument of KVM_CREATE_DEVICE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_create_device
{
    public uint type;
    public uint fd;
    public uint flags;
}
