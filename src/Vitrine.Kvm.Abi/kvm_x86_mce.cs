using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>A machine check to inject.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_x86_mce
{
    public ulong status;
    public ulong addr;
    public ulong misc;
    public ulong mcg_status;
    public byte bank;
    public fixed byte pad1[7];
    public fixed ulong pad2[3];
}
