using Vitrine.KvmServer.Irqchip;

namespace Vitrine.KvmServer.Events;

// What processors bring. Nothing here allocates.
internal sealed partial class VmInterrupts
{
    /// <summary>Port accesses of one instruction, one after the other to the same port, unless they are the client's.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="count">How many.</param>
    /// <param name="isWrite">True for OUT.</param>
    /// <param name="data">What is written, or room for what is read.</param>
    /// <returns>False when the first is the client's. One that is when the first was not is lost, as in KVM.</returns>
    public bool TryHandlePort(ushort port, int size, int count, bool isWrite, Span<byte> data)
    {
        for (int i = 0; i < count; i++)
        {
            Span<byte> one = data.Slice(i * size, size);
            if (TryHandlePort(port, size, isWrite, one)) continue;
            if (i == 0) return false;
            if (!isWrite) one.Clear();
        }

        return true;
    }

    /// <summary>An access to memory outside the slots, unless it is the client's.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="size">1 to 8 bytes.</param>
    /// <param name="isWrite">True for a store.</param>
    /// <param name="data">What is written, or room for what is read.</param>
    /// <returns>False when it is the client's.</returns>
    public bool TryHandleMemory(ulong address, int size, bool isWrite, Span<byte> data)
    {
        if (InterruptControllers.OwnsMemory(address, size) && _lines.Controllers is { } controllers)
        {
            lock (DeviceLock)
            {
                if (controllers.TryAccessMemory(address, size, isWrite, data)) return true;
            }
        }

        return isWrite && (_ioEvents.TrySignalMemory(address, size, data) || _zones.TryCollectMemory(address, size, data));
    }

    /// <summary>A local APIC has ended a level-triggered interrupt.</summary>
    /// <returns>True when the client is to be told (KVM_EXIT_IOAPIC_EOI): a route of an IOAPIC of its own has the vector.</returns>
    public bool EndOfInterrupt(byte vector) => _lines.EndOfInterrupt(vector);

    private bool TryHandlePort(ushort port, int size, bool isWrite, Span<byte> data)
    {
        if (InterruptControllers.OwnsPort(port) && _lines.Controllers is { } controllers)
        {
            lock (DeviceLock)
            {
                if (controllers.TryAccessPort(port, size, isWrite, data)) return true;
            }
        }
        else if (IntervalTimer.MayOwnPort(port) && _timer is { } timer)
        {
            lock (DeviceLock)
            {
                if (timer.TryAccessPort(port, size, isWrite, data)) return true;
            }
        }

        return isWrite && (_ioEvents.TrySignalPort(port, size, data) || _zones.TryCollectPort(port, size, data));
    }
}
