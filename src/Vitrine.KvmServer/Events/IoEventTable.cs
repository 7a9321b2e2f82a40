using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Events;

/// <summary>The ioeventfds of a machine (KVM_IOEVENTFD). Any thread.</summary>
internal sealed class IoEventTable : IDisposable
{
    private readonly Lock _lock = new();

    // Memory, ports, and the bus of another architecture, which KVM takes too. Sorted by address and replaced as a whole, so that
    // processors need no lock.
    private readonly IoEvent[][] _buses = [[], [], []];

    private enum Bus
    {
        Memory,
        Ports,
        Foreign,
    }

    /// <summary>KVM_IOEVENTFD.</summary>
    /// <returns>
    /// 0 or an error: -EINVAL, -EBADF, -EEXIST when writes would belong to another too, -ENOENT when none is as the one to be taken away.
    /// </returns>
    public int Change(in kvm_ioeventfd argument) =>
        (argument.flags & KvmConstants.KVM_IOEVENTFD_FLAG_DEASSIGN) != 0 ? Remove(argument) : Add(argument);

    /// <summary>A guest writes to a port.</summary>
    /// <returns>True when an eventfd was signalled for it.</returns>
    public bool TrySignalPort(ushort port, int size, ReadOnlySpan<byte> data) =>
        TrySignal(Volatile.Read(ref _buses[(int)Bus.Ports]), port, size, data);

    /// <summary>A guest writes to memory outside the slots.</summary>
    /// <returns>True when an eventfd was signalled for it.</returns>
    public bool TrySignalMemory(ulong address, int size, ReadOnlySpan<byte> data) =>
        TrySignal(Volatile.Read(ref _buses[(int)Bus.Memory]), address, size, data);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            for (int bus = 0; bus < _buses.Length; bus++)
            {
                foreach (IoEvent one in _buses[bus]) one.Told.Dispose();
                Volatile.Write(ref _buses[bus], []);
            }
        }
    }

    private static Bus BusOf(uint flags) => flags switch
    {
        _ when (flags & KvmConstants.KVM_IOEVENTFD_FLAG_PIO) != 0 => Bus.Ports,
        _ when (flags & KvmConstants.KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY) != 0 => Bus.Foreign,
        _ => Bus.Memory,
    };

    private static bool TrySignal(IoEvent[] bus, ulong address, int size, ReadOnlySpan<byte> data)
    {
        int at = FirstAt(bus, address);
        if (at == bus.Length || bus[at].Address != address) return false;
        ulong value = 0;
        for (int i = size - 1; i >= 0; i--) value = (value << 8) | data[i];
        for (; at < bus.Length && bus[at].Address == address; at++)
        {
            if (!bus[at].Takes(size, value)) continue;
            bus[at].Told.Signal();
            return true;
        }

        return false;
    }

    // The first whose address is not below.
    private static int FirstAt(IoEvent[] bus, ulong address)
    {
        (int low, int high) = (0, bus.Length);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (bus[middle].Address < address) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private static int Check(in kvm_ioeventfd argument)
    {
        bool possible = argument.len is 0 or 1 or 2 or 4 or 8
            && argument.addr + argument.len >= argument.addr
            && (argument.flags & ~KvmConstants.KVM_IOEVENTFD_VALID_FLAG_MASK) == 0
            && !(argument.len == 0 && (argument.flags & KvmConstants.KVM_IOEVENTFD_FLAG_DATAMATCH) != 0);
        return possible ? 0 : -Errno.EINVAL;
    }

    private int Add(in kvm_ioeventfd argument)
    {
        int error = Check(argument);
        if (error < 0) return error;
        error = EventDescriptor.Open(argument.fd, out EventDescriptor? told);
        return error < 0 ? error : Add(argument, told!);
    }

    private int Add(in kvm_ioeventfd argument, EventDescriptor told)
    {
        IoEvent added = new(argument, told);
        lock (_lock)
        {
            ref IoEvent[] bus = ref _buses[(int)BusOf(argument.flags)];
            if (!Array.Exists(bus, added.CollidesWith))
            {
                int at = FirstAt(bus, added.Address);
                Volatile.Write(ref bus, [.. bus[..at], added, .. bus[at..]]);
                return 0;
            }
        }

        told.Dispose();
        return -Errno.EEXIST;
    }

    private int Remove(in kvm_ioeventfd argument)
    {
        int error = EventDescriptor.Identify(argument.fd, out ulong identity);
        if (error < 0) return error;
        lock (_lock)
        {
            ref IoEvent[] bus = ref _buses[(int)BusOf(argument.flags)];
            for (int at = 0; at < bus.Length; at++)
            {
                if (!bus[at].Is(argument, identity)) continue;
                IoEvent removed = bus[at];
                Volatile.Write(ref bus, [.. bus[..at], .. bus[(at + 1)..]]);
                removed.Told.Dispose();
                return 0;
            }
        }

        return -Errno.ENOENT;
    }
}
