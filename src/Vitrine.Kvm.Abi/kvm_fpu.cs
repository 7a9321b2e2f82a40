using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>x87 and SSE state. On x86 KVM leaves mxcsr 0 on reading; <see cref="kvm_xsave"/> has it.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_fpu
{
    public fixed byte fpr[128];
    public ushort fcw;
    public ushort fsw;
    public byte ftwx;
    public byte pad1;
    public ushort last_opcode;
    public ulong last_ip;
    public ulong last_dp;
    public fixed byte xmm[256];
    public uint mxcsr;
    public uint pad2;
}
