using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>The local APIC's register page.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_lapic_state
{
    public fixed byte regs[1024];
}
