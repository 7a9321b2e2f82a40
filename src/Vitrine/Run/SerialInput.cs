namespace Vitrine.Run;

/// <summary>Bytes on their way to the guest's serial port. Survives a reset of the board.</summary>
internal sealed class SerialInput
{
    private readonly Lock _sync = new();
    private byte[] _bytes = new byte[256];
    private int _start;
    private int _count;

    /// <summary>A receiver of bytes.</summary>
    /// <returns>How many it took, from the front.</returns>
    public delegate int Receiver(ReadOnlySpan<byte> bytes);

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_sync) return _count;
        }
    }

    /// <summary>A copy of what waits.</summary>
    public byte[] ToArray()
    {
        lock (_sync) return _bytes.AsSpan(_start, _count).ToArray();
    }

    /// <summary>Adds bytes at the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_sync)
        {
            if (_start + _count + bytes.Length > _bytes.Length)
            {
                byte[] target = _count + bytes.Length > _bytes.Length ? new byte[Math.Max(_bytes.Length * 2, _count + bytes.Length)] : _bytes;
                _bytes.AsSpan(_start, _count).CopyTo(target);
                _bytes = target;
                _start = 0;
            }

            bytes.CopyTo(_bytes.AsSpan(_start + _count));
            _count += bytes.Length;
        }
    }

    /// <summary>Offers what waits to a receiver, which takes as much as it has room for.</summary>
    public void Offer(Receiver receiver)
    {
        lock (_sync)
        {
            if (_count == 0) return;
            int taken = receiver(_bytes.AsSpan(_start, _count));
            _start += taken;
            _count -= taken;
        }
    }
}
