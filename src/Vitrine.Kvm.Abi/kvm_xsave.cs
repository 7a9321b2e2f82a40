using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>The XSAVE area in its standard format (SDM vol. 1, 13.4); KVM_GET_XSAVE2 may need more than this.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_xsave
{
    public fixed uint region[1024];
}

/// <summary>One extended control register.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_xcr
{
    public uint xcr;
    public uint reserved;
    public ulong value;
}

/// <summary>The extended control registers: nr_xcrs times <see cref="kvm_xcr"/>, room for 16.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_xcrs
{
    public uint nr_xcrs;
    public uint flags;
    public fixed ulong xcrs[32];
    public fixed ulong padding[16];
}
