using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>One range of filtered MSRs.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_msr_filter_range
{
    public uint flags;
    public uint nmsrs;
    public uint @base;
    public ulong bitmap;
}

/// <summary>Which MSR accesses leave to user space: 16 times <see cref="kvm_msr_filter_range"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_msr_filter
{
    public uint flags;
    public uint pad;
    public fixed ulong ranges[48];
}
