using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Events;

/// <summary>
/// The zones of a machine whose writes are collected in a ring that the client looks through at the next exit
/// (KVM_REGISTER_COALESCED_MMIO). There is one ring for all processors: in the page of the one that was created first, where a client
/// looks. Any thread.
/// </summary>
internal sealed unsafe class CoalescedZones
{
    // What a bus of KVM holds, beside ioeventfds.
    private const int MostDevices = 1000;

    private readonly Lock _lock = new();
    private kvm_coalesced_mmio_zone[] _ports = [];
    private kvm_coalesced_mmio_zone[] _memory = [];
    private kvm_coalesced_mmio_ring* _ring;

    /// <summary>Gives the page of the ring. The first that is given is taken.</summary>
    /// <param name="page">4 KiB that live until <see cref="Detach"/>; the client has them too.</param>
    public void Attach(byte* page)
    {
        lock (_lock)
        {
            if (_ring is null) _ring = (kvm_coalesced_mmio_ring*)page;
        }
    }

    /// <summary>A page goes that may be the one of the ring: nobody looks there any more, and writes are exits again.</summary>
    public void Detach(byte* page)
    {
        lock (_lock)
        {
            if (_ring == page) _ring = null;
        }
    }

    /// <summary>KVM_REGISTER_COALESCED_MMIO.</summary>
    /// <param name="zone">The zone.</param>
    /// <param name="devices">How many devices the bus has beside zones.</param>
    /// <returns>0; -EINVAL, or -ENOSPC when there are too many.</returns>
    public int Register(in kvm_coalesced_mmio_zone zone, int devices)
    {
        if (zone.pio > 1) return -Errno.EINVAL;
        lock (_lock)
        {
            ref kvm_coalesced_mmio_zone[] zones = ref Of(zone.pio);
            if (zones.Length >= MostDevices - devices) return -Errno.ENOSPC;
            Volatile.Write(ref zones, [.. zones, zone]);
            return 0;
        }
    }

    /// <summary>KVM_UNREGISTER_COALESCED_MMIO: every zone goes in which the one that is named lies.</summary>
    /// <returns>0, also when there is none; -EINVAL.</returns>
    public int Unregister(in kvm_coalesced_mmio_zone zone)
    {
        if (zone.pio > 1) return -Errno.EINVAL;
        kvm_coalesced_mmio_zone named = zone;
        lock (_lock)
        {
            ref kvm_coalesced_mmio_zone[] zones = ref Of(zone.pio);
            Volatile.Write(ref zones, Array.FindAll(zones, one => !Contains(one, named.addr, named.size)));
            return 0;
        }
    }

    /// <summary>A guest writes to a port.</summary>
    /// <returns>True when the write was put into the ring; false when it is in no zone, or the ring is full.</returns>
    public bool TryCollectPort(ushort port, int size, ReadOnlySpan<byte> data) =>
        TryCollect(Volatile.Read(ref _ports), port, size, data, pio: 1);

    /// <summary>A guest writes to memory outside the slots.</summary>
    /// <returns>As of <see cref="TryCollectPort"/>.</returns>
    public bool TryCollectMemory(ulong address, int size, ReadOnlySpan<byte> data) =>
        TryCollect(Volatile.Read(ref _memory), address, size, data, pio: 0);

    private static bool Contains(in kvm_coalesced_mmio_zone zone, ulong address, uint size) =>
        address >= zone.addr && address + size >= address && address + size <= zone.addr + zone.size;

    private ref kvm_coalesced_mmio_zone[] Of(uint pio)
    {
        if (pio != 0) return ref _ports;
        return ref _memory;
    }

    private bool TryCollect(kvm_coalesced_mmio_zone[] zones, ulong address, int size, ReadOnlySpan<byte> data, uint pio)
    {
        foreach (ref readonly kvm_coalesced_mmio_zone zone in zones.AsSpan())
        {
            if (Contains(zone, address, (uint)size)) return TryAdd(address, size, data, pio);
        }

        return false;
    }

    private bool TryAdd(ulong address, int size, ReadOnlySpan<byte> data, uint pio)
    {
        lock (_lock)
        {
            if (_ring is null) return false;

            // SAFETY: the client may write anything into the counters; the index is checked, and the page holds so many entries behind
            // them.
            uint insert = Volatile.Read(ref _ring->last);
            uint next = (insert + 1) % KvmConstants.KVM_COALESCED_MMIO_MAX;
            if (insert >= KvmConstants.KVM_COALESCED_MMIO_MAX || next == Volatile.Read(ref _ring->first)) return false;
            kvm_coalesced_mmio* entry = (kvm_coalesced_mmio*)(_ring + 1) + insert;
            entry->phys_addr = address;
            entry->len = (uint)size;
            entry->pio = pio;
            data[..size].CopyTo(new Span<byte>(entry->data, sizeof(ulong)));
            Volatile.Write(ref _ring->last, next);
            return true;
        }
    }
}
