using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_IRQ_LINE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_irq_level
{
    public uint irq;
    public uint level;
}

/// <summary>Argument of KVM_INTERRUPT.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_interrupt
{
    public uint irq;
}

/// <summary>Argument of KVM_SIGNAL_MSI.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_msi
{
    public uint address_lo;
    public uint address_hi;
    public uint data;
    public uint flags;
    public uint devid;
    public fixed byte pad[12];
}
