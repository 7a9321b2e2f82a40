using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>A machine check to inject.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct kvm_x86_mce
{
    public ulong status;
    public ulong addr;
    public ulong misc;
    public ulong mcg_status;
    public byte bank;
    public fixed byte pad1[7];
    public fixed ulong pad2[3];
}
