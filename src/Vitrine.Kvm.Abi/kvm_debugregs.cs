using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Debug registers.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_debugregs
{
    public fixed ulong db[4];
    public ulong dr6;
    public ulong dr7;
    public ulong flags;
    public fixed ulong reserved[9];
}
