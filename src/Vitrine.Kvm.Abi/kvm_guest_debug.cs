using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>The debug registers that guest debugging uses.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_guest_debug_arch
{
    public fixed ulong debugreg[8];
}

/// <summary>Argument of KVM_SET_GUEST_DEBUG.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_guest_debug
{
    public uint control;
    public uint pad;
    public kvm_guest_debug_arch arch;
}
