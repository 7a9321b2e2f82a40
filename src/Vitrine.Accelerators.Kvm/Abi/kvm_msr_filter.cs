using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>One range of filtered MSRs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_filter_range
{
    public uint flags;
    public uint nmsrs;
    public uint @base;
    public ulong bitmap;
}

/// <summary>Which MSR accesses leave to user space: 16 times <see cref="kvm_msr_filter_range"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct kvm_msr_filter
{
    public uint flags;
    public uint pad;
    public fixed ulong ranges[48];
}
