using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>A zone whose writes are collected.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_coalesced_mmio_zone
{
    public ulong addr;
    public uint size;
    public uint pio;
}

/// <summary>One collected write.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_coalesced_mmio
{
    public ulong phys_addr;
    public uint len;
    public uint pio;
    public fixed byte data[8];
}

/// <summary>Header of the ring; entries of <see cref="kvm_coalesced_mmio"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_coalesced_mmio_ring
{
    public uint first;
    public uint last;
}
