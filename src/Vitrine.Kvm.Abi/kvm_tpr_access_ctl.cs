using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_TPR_ACCESS_REPORTING.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_tpr_access_ctl
{
    public uint enabled;
    public uint flags;
    public fixed uint reserved[8];
}

/// <summary>Argument of KVM_SET_VAPIC_ADDR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vapic_addr
{
    public ulong vapic_addr;
}
