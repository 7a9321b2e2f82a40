using Vitrine.Devices;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Io;

namespace Vitrine.Run;

/// <summary>
/// The machine as its vCPUs see it: ports, device memory, and what devices ask of the machine. One lock over all devices.
/// </summary>
/// <param name="deviceLock">Held while any device code runs.</param>
internal sealed class MachineBus(Lock deviceLock)
{
    private ExitOutcome _request;

    /// <summary>Held while any device code runs.</summary>
    public Lock DeviceLock { get; } = deviceLock;

    /// <summary>The I/O ports.</summary>
    public PortBus Ports { get; } = new();

    /// <summary>The guest's output; null where there is none.</summary>
    public BufferedOutput? Output { get; init; }

    /// <summary>True while the output takes no more: a vCPU that writes to it waits. Any thread.</summary>
    public bool IsStalled => Output is { IsStalled: true };

    /// <summary>Device memory: every address outside the memory slots.</summary>
    public MmioBus Memory { get; } = new();

    /// <summary>Told the vector of an acknowledged level-triggered interrupt; null where the accelerator has the IOAPIC.</summary>
    public Action<byte>? InterruptAcknowledged { get; set; }

    /// <summary>A device asks the machine to power off, reset or exit, or the vCPU to wait. The first request counts. Device lock held.</summary>
    public void Request(ExitKind kind, uint value = 0)
    {
        if (_request.Kind is ExitKind.Continue or ExitKind.Stalled) _request = new(kind, value);
    }

    /// <summary>Port accesses of one instruction, one after the other to the same port.</summary>
    public ExitOutcome AccessPort(ushort port, int size, int count, bool isWrite, Span<byte> data)
    {
        lock (DeviceLock)
        {
            for (int i = 0; i < count; i++) Ports.Access(port, size, isWrite, data.Slice(i * size, size));
            return TakeRequest();
        }
    }

    /// <summary>One access to device memory.</summary>
    public ExitOutcome AccessMemory(ulong address, int size, bool isWrite, Span<byte> data)
    {
        lock (DeviceLock)
        {
            Memory.Access(address, size, isWrite, data);
            return TakeRequest();
        }
    }

    /// <summary>A local APIC has seen the EOI of a level-triggered interrupt.</summary>
    public ExitOutcome EndOfInterrupt(byte vector)
    {
        lock (DeviceLock)
        {
            InterruptAcknowledged?.Invoke(vector);
            return TakeRequest();
        }
    }

    /// <summary>Who answers a port: the name that the device is inspected under, else its type's. For tools.</summary>
    /// <returns>Null where nobody does.</returns>
    public string? OwnerOfPort(ushort port) => NameOf(Ports.OwnerOf(port));

    /// <summary>Who answers an address outside the memory slots, as <see cref="OwnerOfPort"/>.</summary>
    public string? OwnerOfAddress(ulong address) => NameOf(Memory.OwnerOf(address));

    private static string? NameOf(object? device) => (device as IInspectable)?.Name ?? device?.GetType().Name;

    private ExitOutcome TakeRequest()
    {
        ExitOutcome request = _request;
        _request = default;
        return request;
    }
}
