using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>KVM_EXIT_UNKNOWN.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_hw
{
    public ulong hardware_exit_reason;
}

/// <summary>KVM_EXIT_FAIL_ENTRY.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_fail_entry
{
    public ulong hardware_entry_failure_reason;
    public uint cpu;
}

/// <summary>KVM_EXIT_EXCEPTION.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_ex
{
    public uint exception;
    public uint error_code;
}

/// <summary>KVM_EXIT_IO. The data lies data_offset bytes into the mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_io
{
    public byte direction;
    public byte size;
    public ushort port;
    public uint count;
    public ulong data_offset;
}

/// <summary>What stopped a debugged guest.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_debug_exit_arch
{
    public uint exception;
    public uint pad;
    public ulong pc;
    public ulong dr6;
    public ulong dr7;
}

/// <summary>KVM_EXIT_DEBUG.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_debug
{
    public kvm_debug_exit_arch arch;
}

/// <summary>KVM_EXIT_MMIO.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_mmio
{
    public ulong phys_addr;
    public fixed byte data[8];
    public uint len;
    public byte is_write;
}

/// <summary>KVM_EXIT_HYPERCALL.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_hypercall
{
    public ulong nr;
    public fixed ulong args[6];
    public ulong ret;
    public ulong flags;
}

/// <summary>KVM_EXIT_TPR_ACCESS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_tpr_access
{
    public ulong rip;
    public uint is_write;
    public uint pad;
}

/// <summary>KVM_EXIT_INTERNAL_ERROR.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_internal
{
    public uint suberror;
    public uint ndata;
    public fixed ulong data[16];
}

/// <summary>KVM_EXIT_INTERNAL_ERROR with suberror KVM_INTERNAL_ERROR_EMULATION.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_emulation_failure
{
    public uint suberror;
    public uint ndata;
    public ulong flags;
    public byte insn_size;
    public fixed byte insn_bytes[15];
}

/// <summary>KVM_EXIT_SYSTEM_EVENT.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_system_event
{
    public uint type;
    public uint ndata;
    public fixed ulong data[16];
}

/// <summary>KVM_EXIT_IOAPIC_EOI.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_eoi
{
    public byte vector;
}

/// <summary>KVM_EXIT_X86_RDMSR and KVM_EXIT_X86_WRMSR.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_run_msr
{
    public byte error;
    public fixed byte pad[7];
    public uint reason;
    public uint index;
    public ulong data;
}

/// <summary>KVM_EXIT_NOTIFY.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_notify
{
    public uint flags;
}

/// <summary>KVM_EXIT_MEMORY_FAULT.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_run_memory_fault
{
    public ulong flags;
    public ulong gpa;
    public ulong size;
}
