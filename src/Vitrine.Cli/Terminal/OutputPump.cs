namespace Vitrine.Cli.Terminal;

/// <summary>
/// Carries what a guest sends to a file descriptor or file, on a thread of its own, so that a slow reader holds up the
/// guest only when much is waiting.
/// </summary>
internal sealed class OutputPump : IDisposable
{
    private const int Capacity = 64 << 10;

    private readonly object _sync = new();
    private readonly Func<byte[], int, bool> _write;
    private readonly Thread _thread;
    private readonly Action _closed;
    private byte[] _filling = new byte[Capacity];
    private byte[] _writing = new byte[Capacity];
    private int _count;
    private bool _busy;
    private bool _abandoned;
    private bool _finished;

    /// <summary>Creates the pump.</summary>
    /// <param name="write">Writes the first bytes of a buffer; false when the other side is gone.</param>
    /// <param name="closed">Called once when it is.</param>
    public OutputPump(Func<byte[], int, bool> write, Action closed)
    {
        _write = write;
        _closed = closed;
        _thread = new Thread(Pump) { Name = "output", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes bytes; waits while the buffer is full.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        lock (_sync)
        {
            while (bytes.Length > 0 && !_abandoned)
            {
                int count = Math.Min(bytes.Length, Capacity - _count);
                bytes[..count].CopyTo(_filling.AsSpan(_count));
                _count += count;
                bytes = bytes[count..];
                Monitor.PulseAll(_sync);
                if (bytes.Length > 0) Monitor.Wait(_sync);
            }
        }
    }

    /// <summary>From now on throws bytes away instead of waiting for the reader.</summary>
    public void Abandon()
    {
        lock (_sync)
        {
            _abandoned = true;
            Monitor.PulseAll(_sync);
        }
    }

    /// <summary>Waits until everything is written, or the reader is gone, or the time is over.</summary>
    public void Flush(TimeSpan atMost)
    {
        long deadline = Environment.TickCount64 + (long)atMost.TotalMilliseconds;
        lock (_sync)
        {
            while ((_count > 0 || _busy) && !_finished && Environment.TickCount64 < deadline)
            {
                Monitor.Wait(_sync, TimeSpan.FromMilliseconds(Math.Max(1, deadline - Environment.TickCount64)));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_sync)
        {
            _finished = true;
            _abandoned = true;
            Monitor.PulseAll(_sync);
        }
    }

    private void Pump()
    {
        while (true)
        {
            int count;
            lock (_sync)
            {
                _busy = false;
                Monitor.PulseAll(_sync);
                while (_count == 0 && !_finished) Monitor.Wait(_sync);
                if (_finished) return;
                (_filling, _writing) = (_writing, _filling);
                count = _count;
                _count = 0;
                _busy = true;
                Monitor.PulseAll(_sync);
            }

            if (_write(_writing, count)) continue;
            Dispose();
            _closed();
            return;
        }
    }
}
