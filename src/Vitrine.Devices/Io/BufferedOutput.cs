namespace Vitrine.Devices.Io;

/// <summary>
/// Output of the guest on its way to readers, which may be slow: a worker hands it on. All ports share it, so that what they send keeps its order where two
/// of them lead to one place. It outlives a reset of the board, because what was sent was sent.
/// </summary>
/// <remarks>
/// There are two buffers: one is filled while the readers have the other. When the first holds <see cref="Capacity"/> bytes the output is full, and a device with flow
/// control says so to its guest. A processor that writes on all the same gets <see cref="Reserve"/> bytes further and then has to wait until the readers come
/// back. So no more is kept in a buffer than both together, and what one access of each processor adds.
/// </remarks>
public sealed class BufferedOutput
{
    /// <summary>How many bytes may wait for the readers, beside those that they have.</summary>
    public const int Capacity = 1 << 16;

    /// <summary>How many bytes a guest may write on that doesn't heed that the output is full: a driver fills a whole FIFO after one look.</summary>
    public const int Reserve = 1 << 12;

    private readonly IIoQueue _queue;
    private readonly List<Port> _ports = [];
    private readonly Transfer _transfer;
    private Batch _filling = new();
    private volatile int _count;

    /// <summary>Creates an output without ports.</summary>
    /// <param name="queue">A queue of its own, with one worker.</param>
    public BufferedOutput(IIoQueue queue)
    {
        _queue = queue;
        _transfer = new Transfer(this);
    }

    /// <summary>True while the readers are far behind.</summary>
    public bool IsFull => _count >= Capacity;

    /// <summary>True while no processor may write on. Any thread.</summary>
    public bool IsStalled => _count >= Capacity + Reserve;

    /// <summary>Called when something is written that leaves it stalled, with the device lock held.</summary>
    public Action? Stalled { get; set; }

    /// <summary>Adds a port, before anything is written.</summary>
    /// <param name="reader">Is handed the bytes, on the worker; it may block. Null discards them.</param>
    public IByteSink AddPort(Action<ReadOnlySpan<byte>>? reader)
    {
        Port port = new(this, reader);
        _ports.Add(port);
        return port;
    }

    /// <summary>Lets go of those that write. Device lock held.</summary>
    public void Disconnect()
    {
        Stalled = null;
        foreach (Port port in _ports) port.RoomAgain = null;
    }

    private void Write(Port port, ReadOnlySpan<byte> bytes)
    {
        _filling.Append(port, bytes);
        _count = _filling.Count;
        if (!_transfer.IsInFlight) HandOn();
        if (IsStalled) Stalled?.Invoke();
    }

    private void HandOn()
    {
        if (_count == 0) return;
        (_filling, _transfer.Batch) = (_transfer.Batch, _filling);
        _filling.Clear();
        _count = 0;

        // Refused only when the machine is gone, and then nobody reads.
        _queue.TrySubmit(_transfer);
    }

    private sealed class Port(BufferedOutput output, Action<ReadOnlySpan<byte>>? reader) : IByteSink
    {
        public Action<ReadOnlySpan<byte>>? Reader => reader;

        public bool IsFull => reader is not null && output.IsFull;

        public Action? RoomAgain { get; set; }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            if (reader is not null) output.Write(this, bytes);
        }
    }

    /// <summary>Bytes in the order in which they were written, and whose they are.</summary>
    private sealed class Batch
    {
        private const int FirstSize = 1 << 12;

        private readonly List<(Port Port, int End)> _runs = [];
        private byte[] _bytes = new byte[FirstSize];

        public int Count { get; private set; }

        public void Append(Port port, ReadOnlySpan<byte> bytes)
        {
            if (_bytes.Length - Count < bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Count + bytes.Length));
            bytes.CopyTo(_bytes.AsSpan(Count));
            Count += bytes.Length;
            if (_runs.Count > 0 && _runs[^1].Port == port) _runs[^1] = (port, Count);
            else _runs.Add((port, Count));
        }

        public void Read()
        {
            int start = 0;
            foreach ((Port port, int end) in _runs)
            {
                port.Reader!(_bytes.AsSpan(start, end - start));
                start = end;
            }
        }

        public void Clear()
        {
            _runs.Clear();
            Count = 0;
        }
    }

    private sealed class Transfer(BufferedOutput output) : IoRequest
    {
        public Batch Batch { get; set; } = new();

        protected internal override void Perform() => Batch.Read();

        protected internal override void Complete()
        {
            bool wasFull = output.IsFull;
            output.HandOn();
            if (!wasFull) return;
            foreach (Port port in output._ports) port.RoomAgain?.Invoke();
        }
    }
}
