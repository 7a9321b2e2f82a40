using System.Text.Json;

namespace Vitrine.Devices.Virtio;

/// <summary>
/// What makes a virtio device one of its type: its features, configuration and what its queues mean. How a driver reaches it is its transport's.
/// All members are called with the device lock held.
/// </summary>
public abstract class VirtioDevice
{
    private IVirtioTransport? _transport;

    /// <summary>Its name for people and in saved states: "disk0".</summary>
    public abstract string Name { get; }

    /// <summary>The device type (Virtual I/O Device 1.2, chapter 5).</summary>
    public abstract uint DeviceType { get; }

    /// <summary>Feature bits of its type that it offers.</summary>
    public abstract ulong Features { get; }

    /// <summary>The most descriptors that each of its queues may have: powers of two.</summary>
    public abstract IReadOnlyList<int> QueueSizes { get; }

    /// <summary>Bytes of its configuration.</summary>
    public abstract int ConfigurationLength { get; }

    /// <summary>The way to its driver. The transport sets it once, before anything else happens.</summary>
    public IVirtioTransport Transport
    {
        get => _transport ?? throw new InvalidOperationException("The device is not attached to a transport.");
        set => _transport = _transport is null ? value : throw new InvalidOperationException("The device is attached to a transport already.");
    }

    /// <summary>The driver reads the configuration.</summary>
    /// <param name="destination">Receives the whole of it: <see cref="ConfigurationLength"/> bytes.</param>
    public abstract void ReadConfiguration(Span<byte> destination);

    /// <summary>The driver writes to the configuration. Most of it can't be written, which the driver is not told.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="source">1, 2 or 4 bytes, within the configuration.</param>
    public virtual void WriteConfiguration(int offset, ReadOnlySpan<byte> source)
    {
    }

    /// <summary>The driver says DRIVER_OK: features are agreed, queues set up.</summary>
    public virtual void Start()
    {
    }

    /// <summary>The driver has made chains of a queue available; or some have waited until the device could go on.</summary>
    /// <param name="queue">The queue's number.</param>
    public abstract void Notified(int queue);

    /// <summary>The driver, or the machine, resets the device. When this returns, nothing of before touches the guest's memory any more.</summary>
    public abstract void Reset();

    /// <summary>What it holds beside queues and status; null for nothing. No request is in flight.</summary>
    public virtual JsonElement? Save() => null;

    /// <summary>Takes over what <see cref="Save"/> gave, after the transport has loaded queues and status.</summary>
    /// <param name="saved">The state, not trusted; null for nothing.</param>
    /// <exception cref="Errors.VitrineException">The device can't be in this state. Nothing has changed then.</exception>
    public virtual void Load(JsonElement? saved) => Errors.InvalidState.Unless(saved is null, Name, "it holds nothing that could be loaded");

    /// <summary>Values for people, beside those of the transport.</summary>
    public virtual IEnumerable<KeyValuePair<string, string>> Inspect() => [];
}
