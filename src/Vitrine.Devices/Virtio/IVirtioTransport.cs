using Vitrine.Devices.Virtio.Queues;
using Vitrine.Memory;

namespace Vitrine.Devices.Virtio;

/// <summary>The way from a virtio device to its driver. All members are called with the device lock held.</summary>
public interface IVirtioTransport
{
    /// <summary>The guest's memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>The device's queues, by their number.</summary>
    IReadOnlyList<VirtioQueue> Queues { get; }

    /// <summary>True while the driver lets the device work: it has said DRIVER_OK, and the device needs no reset.</summary>
    bool IsRunning { get; }

    /// <summary>The features that the driver has accepted; 0 before.</summary>
    ulong Features { get; }

    /// <summary>
    /// A batch of chains of a queue has been given back: interrupts the driver if it wants that. Also to be called after chains were taken without success: a faulty
    /// queue makes the device need a reset.
    /// </summary>
    void Update(VirtioQueue queue);

    /// <summary>The device's configuration has changed: tells the driver.</summary>
    void ConfigurationChanged();

    /// <summary>The device can't go on: it needs a reset by its driver, and does nothing until then. The machine goes on.</summary>
    void NeedReset();
}
