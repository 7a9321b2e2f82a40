using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>The paravirtual clock.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_clock_data
{
    public ulong clock;
    public uint flags;
    public uint pad0;
    public ulong realtime;
    public ulong host_tsc;
    public fixed uint pad[4];
}
