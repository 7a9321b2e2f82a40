using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>The local APIC's register page.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct kvm_lapic_state
{
    public fixed byte regs[1024];
}
