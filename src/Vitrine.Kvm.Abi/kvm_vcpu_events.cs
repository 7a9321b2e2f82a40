using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>An exception in flight.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vcpu_events_exception
{
    public byte injected;
    public byte nr;
    public byte has_error_code;
    public byte pending;
    public uint error_code;
}

/// <summary>An interrupt in flight.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vcpu_events_interrupt
{
    public byte injected;
    public byte nr;
    public byte soft;
    public byte shadow;
}

/// <summary>A non-maskable interrupt in flight.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vcpu_events_nmi
{
    public byte injected;
    public byte pending;
    public byte masked;
    public byte pad;
}

/// <summary>System-management mode.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vcpu_events_smi
{
    public byte smm;
    public byte pending;
    public byte smm_inside_nmi;
    public byte latched_init;
}

/// <summary>A triple fault in flight.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_vcpu_events_triple_fault
{
    public byte pending;
}

/// <summary>Events in flight between two instructions.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_vcpu_events
{
    public kvm_vcpu_events_exception exception;
    public kvm_vcpu_events_interrupt interrupt;
    public kvm_vcpu_events_nmi nmi;
    public uint sipi_vector;
    public uint flags;
    public kvm_vcpu_events_smi smi;
    public kvm_vcpu_events_triple_fault triple_fault;
    public fixed byte reserved[26];
    public byte exception_has_payload;
    public ulong exception_payload;
}
