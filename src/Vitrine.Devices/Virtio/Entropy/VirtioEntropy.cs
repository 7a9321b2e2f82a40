using Vitrine.Devices.Io;
using Vitrine.Devices.Virtio.Queues;

namespace Vitrine.Devices.Virtio.Entropy;

/// <summary>A source of random bytes (Virtual I/O Device 1.2, 5.4): the host's. One chain at a time.</summary>
public sealed class VirtioEntropy : VirtioDevice
{
    /// <summary>How much room its work needs in an <see cref="IIoQueue"/>: a request, and one that was cancelled.</summary>
    public const int Depth = 2;

    private readonly IIoQueue _io;
    private EntropyRequest _request;

    /// <summary>Creates the device.</summary>
    /// <param name="name">Its name: "rng0".</param>
    /// <param name="io">Where its requests are done: room for <see cref="Depth"/>.</param>
    public VirtioEntropy(string name, IIoQueue io)
    {
        Name = name;
        _io = io;
        _request = new(this);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override uint DeviceType => 4;

    /// <inheritdoc/>
    public override ulong Features => 0;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; } = [64];

    /// <inheritdoc/>
    public override int ConfigurationLength => 0;

    /// <inheritdoc/>
    public override void ReadConfiguration(Span<byte> destination)
    {
    }

    /// <inheritdoc/>
    public override void Notified(int queue) => Next();

    /// <inheritdoc/>
    public override void Reset()
    {
        _io.CancelAndSettle();
        _request = new(this);
    }

    internal void Completed(EntropyRequest request)
    {
        VirtioQueue queue = Transport.Queues[0];
        queue.Return(request.Chain.Head, request.Written);
        Transport.Update(queue);
        if (Transport.IsRunning) Next();
    }

    private void Next()
    {
        VirtioQueue queue = Transport.Queues[0];
        if (_request.IsInFlight) return;
        do
        {
            if (queue.TryTake(_request.Chain))
            {
                _io.TrySubmit(_request);
                return;
            }
        }
        while (queue.WantNotification());

        Transport.Update(queue);
    }
}
