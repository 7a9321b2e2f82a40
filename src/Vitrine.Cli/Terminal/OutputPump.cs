namespace Vitrine.Cli.Terminal;

/// <summary>
/// Carries what a guest sends to a file descriptor or file, on a thread of its own, so that a slow reader holds up the
/// guest only when much is waiting.
/// </summary>
internal sealed class OutputPump : IDisposable
{
    private const int Capacity = 64 << 10;

    // What is written at once. Small enough that a slow terminal finishes some of it every second.
    private const int Piece = 1 << 10;

    private readonly object _sync = new();
    private readonly Writer _write;
    private readonly Thread _thread;
    private readonly Action<WriteResult>? _ended;
    private byte[] _filling = new byte[Capacity];
    private byte[] _writing = new byte[Capacity];
    private int _count;
    private long _lastProgress;
    private bool _busy;
    private bool _abandoned;
    private bool _finished;

    /// <summary>Writes all bytes, and waits as long as that takes.</summary>
    public delegate WriteResult Writer(ReadOnlySpan<byte> bytes);

    /// <summary>Creates the pump.</summary>
    /// <param name="write">Writes bytes.</param>
    /// <param name="ended">Called once when the other side takes no more.</param>
    public OutputPump(Writer write, Action<WriteResult>? ended = null)
    {
        _write = write;
        _ended = ended;
        _thread = new Thread(Pump) { Name = "output", IsBackground = true };
        _thread.Start();
    }

    /// <summary>True when the other side takes no more. Known after <see cref="Flush"/>.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Takes bytes; waits while the buffer is full.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        lock (_sync)
        {
            while (bytes.Length > 0 && !_abandoned)
            {
                if (_count == 0 && !_busy) _lastProgress = Environment.TickCount64;
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

    /// <summary>Waits until everything is written, or the reader is gone, or has taken nothing for a while; the time before the call counts.</summary>
    /// <returns>False when the reader takes nothing.</returns>
    public bool Flush(TimeSpan patience)
    {
        lock (_sync)
        {
            while ((_count > 0 || _busy) && !_finished)
            {
                long left = _lastProgress + (long)patience.TotalMilliseconds - Environment.TickCount64;
                if (left <= 0) return false;
                Monitor.Wait(_sync, TimeSpan.FromMilliseconds(left));
            }
        }

        return true;
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
                _lastProgress = Environment.TickCount64;
                Monitor.PulseAll(_sync);
            }

            WriteResult result = Write(_writing.AsSpan(0, count));
            if (result == WriteResult.Done) continue;
            Abandon();
            _ended?.Invoke(result);
            HasFailed = true;
            Dispose();
            return;
        }
    }

    private WriteResult Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = Math.Min(bytes.Length, Piece);
            WriteResult result = _write(bytes[..count]);
            if (result != WriteResult.Done) return result;
            bytes = bytes[count..];
            lock (_sync) _lastProgress = Environment.TickCount64;
        }

        return WriteResult.Done;
    }
}
