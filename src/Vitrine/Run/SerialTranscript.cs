using System.Diagnostics;

namespace Vitrine.Run;

/// <summary>
/// The most recent output of the guest's first serial port, kept so that a text can be waited for that the guest may have sent already.
/// Survives a reset of the board. Any thread.
/// </summary>
internal sealed class SerialTranscript
{
    /// <summary>How many bytes of output are kept at least; a text that is waited for can't be longer.</summary>
    public const int Capacity = 1 << 16;

    private readonly Lock _sync = new();
    private readonly byte[] _bytes = new byte[2 * Capacity];
    private readonly List<Waiter> _waiters = [];
    private int _start; // what lies before it was given to an earlier wait
    private int _end;
    private bool _closed;

    /// <summary>Adds output, and ends the waits for a text that it completes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_sync)
        {
            while (!bytes.IsEmpty)
            {
                int length = Math.Min(bytes.Length, Capacity);
                AppendPart(bytes[..length]);
                bytes = bytes[length..];
            }
        }
    }

    /// <summary>No more output will come: what is still waited for will not come.</summary>
    public void Close()
    {
        lock (_sync)
        {
            _closed = true;
            foreach (Waiter waiter in _waiters) waiter.Completion.TrySetResult(false);
            _waiters.Clear();
        }
    }

    /// <summary>Waits for a text in what no earlier wait has taken. What comes up to its end is then taken.</summary>
    /// <param name="text">1 to <see cref="Capacity"/> bytes.</param>
    /// <param name="cancellation">Ends the wait with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>True when the text came, false when the output ended first.</returns>
    public async Task<bool> WaitFor(byte[] text, CancellationToken cancellation)
    {
        Debug.Assert(text.Length is > 0 and <= Capacity, "Checked by the caller.");
        Waiter waiter = new(text);
        lock (_sync)
        {
            if (TryTake(text, _start)) return true;
            if (_closed) return false;
            _waiters.Add(waiter);
        }

        try
        {
            return await waiter.Completion.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            lock (_sync) _waiters.Remove(waiter);
        }
    }

    private void AppendPart(ReadOnlySpan<byte> bytes)
    {
        if (_end + bytes.Length > _bytes.Length)
        {
            int dropped = _end - Capacity;
            _bytes.AsSpan(dropped, Capacity).CopyTo(_bytes);
            _end = Capacity;
            _start = Math.Max(0, _start - dropped);
        }

        int before = _end;
        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
        for (int i = 0; i < _waiters.Count; i++)
        {
            // Only a text that ends in the new bytes can be new.
            Waiter waiter = _waiters[i];
            if (!TryTake(waiter.Text, Math.Max(_start, before - waiter.Text.Length + 1))) continue;
            _waiters.RemoveAt(i--);
            waiter.Completion.TrySetResult(true);
        }
    }

    private bool TryTake(ReadOnlySpan<byte> text, int from)
    {
        int at = _bytes.AsSpan(from, _end - from).IndexOf(text);
        if (at < 0) return false;
        _start = from + at + text.Length;
        return true;
    }

    // Its continuation must not run on the vCPU's thread, which holds the device lock.
    private sealed record Waiter(byte[] Text)
    {
        public TaskCompletionSource<bool> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
