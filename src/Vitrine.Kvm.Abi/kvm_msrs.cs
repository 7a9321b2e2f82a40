using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header; nmsrs entries of <see cref="kvm_msr_entry"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_msrs
{
    public uint nmsrs;
    public uint pad;
}

/// <summary>One model-specific register.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_msr_entry
{
    public uint index;
    public uint reserved;
    public ulong data;
}

/// <summary>Header; nmsrs 32-bit indices follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_msr_list
{
    public uint nmsrs;
}
