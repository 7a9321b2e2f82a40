using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header; nr entries of <see cref="kvm_irq_routing_entry"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_irq_routing
{
    public uint nr;
    public uint flags;
}

/// <summary>Route to a pin of an in-kernel controller.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_irq_routing_irqchip
{
    public uint irqchip;
    public uint pin;
}

/// <summary>Route to a message-signalled interrupt.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_irq_routing_msi
{
    public uint address_lo;
    public uint address_hi;
    public uint data;
    public uint devid;
}

/// <summary>What a route leads to.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct kvm_irq_routing_u
{
    [FieldOffset(0)]
    public kvm_irq_routing_irqchip irqchip;

    [FieldOffset(0)]
    public kvm_irq_routing_msi msi;
}

/// <summary>One route from a global system interrupt.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_irq_routing_entry
{
    public uint gsi;
    public uint type;
    public uint flags;
    public uint pad;
    public kvm_irq_routing_u u;
}
