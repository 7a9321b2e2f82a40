using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header of the nested-virtualisation state; vendor data follows.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_nested_state
{
    public ushort flags;
    public ushort format;
    public uint size;
    public fixed byte hdr[120];
}
