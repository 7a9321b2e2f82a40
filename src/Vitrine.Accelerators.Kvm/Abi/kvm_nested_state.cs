using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>Header of the nested-virtualisation state; vendor data follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct kvm_nested_state
{
    public ushort flags;
    public ushort format;
    public uint size;
    public fixed byte hdr[120];
}
