using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>State of one interrupt controller: <see cref="kvm_pic_state"/> or <see cref="kvm_ioapic_state"/> in chip.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_irqchip
{
    public uint chip_id;
    public uint pad;
    public fixed byte chip[512];
}

/// <summary>An 8259.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_pic_state
{
    public byte last_irr;
    public byte irr;
    public byte imr;
    public byte isr;
    public byte priority_add;
    public byte irq_base;
    public byte read_reg_select;
    public byte poll;
    public byte special_mask;
    public byte init_state;
    public byte auto_eoi;
    public byte rotate_on_auto_eoi;
    public byte special_fully_nested_mode;
    public byte init4;
    public byte elcr;
    public byte elcr_mask;
}

/// <summary>The IOAPIC with its 24 redirection entries.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_ioapic_state
{
    public ulong base_address;
    public uint ioregsel;
    public uint id;
    public uint irr;
    public uint pad;
    public fixed ulong redirtbl[24];
}
