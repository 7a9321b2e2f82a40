namespace Vitrine.Devices.Io;

/// <summary>
/// Output of the guest on its way to a reader, which may be slow: a worker hands it on, in order. It outlives a reset of the board, because what was sent was
/// sent.
/// </summary>
/// <remarks>
/// There are two buffers: one is filled while the reader has the other. When the first holds <see cref="Capacity"/> bytes the output is full, and a device with flow
/// control says so to its guest. A processor that writes on all the same gets <see cref="Reserve"/> bytes further and then has to wait until the reader comes
/// back. So no more is kept in a buffer than both together, and what one access of each processor adds.
/// </remarks>
public sealed class BufferedOutput : IByteSink
{
    /// <summary>How many bytes may wait for the reader, beside those that it has.</summary>
    public const int Capacity = 1 << 16;

    /// <summary>How many bytes a guest may write on that doesn't heed that the output is full: a driver fills a whole FIFO after one look.</summary>
    public const int Reserve = 1 << 12;

    private const int FirstSize = 1 << 12;

    private readonly IIoQueue _queue;
    private readonly Transfer? _transfer;
    private byte[] _filling = new byte[FirstSize];
    private volatile int _count;

    /// <summary>Creates an output.</summary>
    /// <param name="queue">A queue of its own, with one worker.</param>
    /// <param name="reader">Is handed the bytes, on the worker; it may block. Null discards them.</param>
    public BufferedOutput(IIoQueue queue, Action<ReadOnlySpan<byte>>? reader)
    {
        _queue = queue;
        if (reader is not null) _transfer = new Transfer(this, reader);
    }

    /// <inheritdoc/>
    public bool IsFull => _count >= Capacity;

    /// <summary>True while no processor may write on. Any thread.</summary>
    public bool IsStalled => _count >= Capacity + Reserve;

    /// <summary>Called when something is written that leaves it stalled, with the device lock held.</summary>
    public Action? Stalled { get; set; }

    /// <inheritdoc/>
    public Action? RoomAgain { get; set; }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_transfer is null) return;
        int count = _count;
        if (_filling.Length - count < bytes.Length) Array.Resize(ref _filling, Math.Max(_filling.Length * 2, count + bytes.Length));
        bytes.CopyTo(_filling.AsSpan(count));
        _count = count + bytes.Length;
        if (!_transfer.IsInFlight) HandOn(_transfer);
        if (IsStalled) Stalled?.Invoke();
    }

    private void HandOn(Transfer transfer)
    {
        if (_count == 0) return;
        (_filling, transfer.Bytes) = (transfer.Bytes, _filling);
        transfer.Count = _count;
        _count = 0;

        // Refused only when the machine is gone, and then nobody reads.
        _queue.TrySubmit(transfer);
    }

    private sealed class Transfer(BufferedOutput output, Action<ReadOnlySpan<byte>> reader) : IoRequest
    {
        public byte[] Bytes { get; set; } = new byte[FirstSize];

        public int Count { get; set; }

        protected internal override void Perform() => reader(Bytes.AsSpan(0, Count));

        protected internal override void Complete()
        {
            bool wasFull = output.IsFull;
            output.HandOn(this);
            if (wasFull) output.RoomAgain?.Invoke();
        }
    }
}
