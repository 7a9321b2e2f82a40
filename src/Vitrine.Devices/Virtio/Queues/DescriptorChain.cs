using Vitrine.Memory;

namespace Vitrine.Devices.Virtio.Queues;

/// <summary>
/// A chain of buffers that a driver has made available, as <see cref="VirtioQueue.TryTake"/> found it: first those that the device reads, then those that it writes.
/// Made once for each request that a device can have in flight, and filled again and again.
/// </summary>
/// <remarks>
/// Addresses are looked at when they are used, and may be anything. A chain that breaks the rules for its contents has <see cref="IsValid"/> false: its device gives it
/// back with nothing written, and goes on with the next.
/// </remarks>
public sealed class DescriptorChain
{
    private GuestBuffer[] _buffers = new GuestBuffer[8];
    private int _count;
    private int _readable;

    /// <summary>Number of its first descriptor, by which it is given back.</summary>
    public ushort Head { get; private set; }

    /// <summary>False when a descriptor stood in the wrong order or a table of descriptors was malformed: nothing of the chain may be used.</summary>
    public bool IsValid { get; private set; }

    /// <summary>What the device reads, in order.</summary>
    public ReadOnlySpan<GuestBuffer> Readable => _buffers.AsSpan(0, _readable);

    /// <summary>What the device writes, in order.</summary>
    public ReadOnlySpan<GuestBuffer> Writable => _buffers.AsSpan(_readable, _count - _readable);

    /// <summary>Bytes in all of <see cref="Readable"/>.</summary>
    public ulong ReadableBytes { get; private set; }

    /// <summary>Bytes in all of <see cref="Writable"/>.</summary>
    public ulong WritableBytes { get; private set; }

    /// <summary>Copies out of the readable part.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="offset">First byte, from the beginning of the part.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <returns>False when the part is too short, or is not in memory where it was needed.</returns>
    public bool TryRead(IGuestMemory memory, ulong offset, Span<byte> destination)
    {
        foreach (GuestBuffer buffer in Readable)
        {
            if (destination.IsEmpty) return true;
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            int length = (int)Math.Min(buffer.Length - offset, (ulong)destination.Length);
            if (!memory.TryRead(buffer.Address + offset, destination[..length])) return false;
            destination = destination[length..];
            offset = 0;
        }

        return destination.IsEmpty;
    }

    /// <summary>Copies into the writable part.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="offset">First byte, from the beginning of the part.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False when the part is too short, or is not in memory that may be written where it was needed.</returns>
    public bool TryWrite(IGuestMemory memory, ulong offset, ReadOnlySpan<byte> source)
    {
        foreach (GuestBuffer buffer in Writable)
        {
            if (source.IsEmpty) return true;
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            int length = (int)Math.Min(buffer.Length - offset, (ulong)source.Length);
            if (!memory.TryWrite(buffer.Address + offset, source[..length])) return false;
            source = source[length..];
            offset = 0;
        }

        return source.IsEmpty;
    }

    internal void Begin(ushort head)
    {
        Head = head;
        IsValid = true;
        _count = _readable = 0;
        ReadableBytes = WritableBytes = 0;
    }

    internal void MarkInvalid() => IsValid = false;

    /// <summary>Adds a buffer. The queue bounds how many.</summary>
    internal void Add(GuestBuffer buffer, bool isWritable)
    {
        // An empty one says nothing, and would only be in the way of whoever goes through them.
        if (buffer.Length == 0) return;

        // All that the device reads comes before all that it writes (2.7.4.2).
        if (!isWritable && _count != _readable)
        {
            IsValid = false;
            return;
        }

        if (_count == _buffers.Length) Array.Resize(ref _buffers, _count * 2);
        _buffers[_count++] = buffer;
        if (isWritable)
        {
            WritableBytes += buffer.Length;
        }
        else
        {
            _readable++;
            ReadableBytes += buffer.Length;
        }
    }
}
