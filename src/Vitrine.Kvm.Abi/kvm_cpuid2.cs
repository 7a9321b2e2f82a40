using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header; nent entries of <see cref="kvm_cpuid_entry2"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_cpuid2
{
    public uint nent;
    public uint padding;
}

/// <summary>One CPUID leaf or subleaf.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_cpuid_entry2
{
    public uint function;
    public uint index;
    public uint flags;
    public uint eax;
    public uint ebx;
    public uint ecx;
    public uint edx;
    public fixed uint padding[3];
}
