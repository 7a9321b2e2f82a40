using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Registers that travel in the mapping (KVM_CAP_SYNC_REGS).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_sync_regs
{
    public kvm_regs regs;
    public kvm_sregs sregs;
    public kvm_vcpu_events events;
}

/// <summary>Room for <see cref="kvm_sync_regs"/>, padded to what other architectures need.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2048)]
public struct kvm_run_s
{
    [FieldOffset(0)]
    public kvm_sync_regs regs;
}

/// <summary>The page that KVM and user space share per vCPU; the members at offset 32 are a union chosen by exit_reason.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
public unsafe struct kvm_run
{
    [FieldOffset(0)]
    public byte request_interrupt_window;

    [FieldOffset(1)]
    public byte immediate_exit;

    [FieldOffset(2)]
    public fixed byte padding1[6];

    [FieldOffset(8)]
    public uint exit_reason;

    [FieldOffset(12)]
    public byte ready_for_interrupt_injection;

    [FieldOffset(13)]
    public byte if_flag;

    [FieldOffset(14)]
    public ushort flags;

    [FieldOffset(16)]
    public ulong cr8;

    [FieldOffset(24)]
    public ulong apic_base;

    [FieldOffset(32)]
    public kvm_run_hw hw;

    [FieldOffset(32)]
    public kvm_run_fail_entry fail_entry;

    [FieldOffset(32)]
    public kvm_run_ex ex;

    [FieldOffset(32)]
    public kvm_run_io io;

    [FieldOffset(32)]
    public kvm_run_debug debug;

    [FieldOffset(32)]
    public kvm_run_mmio mmio;

    [FieldOffset(32)]
    public kvm_run_hypercall hypercall;

    [FieldOffset(32)]
    public kvm_run_tpr_access tpr_access;

    [FieldOffset(32)]
    public kvm_run_internal @internal;

    [FieldOffset(32)]
    public kvm_run_emulation_failure emulation_failure;

    [FieldOffset(32)]
    public kvm_run_system_event system_event;

    [FieldOffset(32)]
    public kvm_run_eoi eoi;

    [FieldOffset(32)]
    public kvm_run_msr msr;

    [FieldOffset(32)]
    public kvm_run_notify notify;

    [FieldOffset(32)]
    public kvm_run_memory_fault memory_fault;

    [FieldOffset(288)]
    public ulong kvm_valid_regs;

    [FieldOffset(296)]
    public ulong kvm_dirty_regs;

    [FieldOffset(304)]
    public kvm_run_s s;
}
