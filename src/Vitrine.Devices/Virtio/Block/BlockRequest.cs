using System.Buffers.Binary;
using Vitrine.Devices.Io;
using Vitrine.Devices.Virtio.Queues;
using Vitrine.Disks;
using Vitrine.Memory;
using static Vitrine.Devices.Virtio.Block.VirtioBlockRegisters;

namespace Vitrine.Devices.Virtio.Block;

/// <summary>One request of a driver: bytes go between the disk and the guest's memory directly, on a worker.</summary>
/// <param name="device">The device that it is for.</param>
internal sealed class BlockRequest(VirtioBlock device) : IoRequest
{
    private uint _type;
    private ulong _sector;
    private byte _status;

    /// <summary>Its buffers.</summary>
    public DescriptorChain Chain { get; } = new();

    /// <summary>The queue that it came by.</summary>
    public VirtioQueue Origin { get; set; } = null!;

    /// <summary>What the disk failed with, for the device to report; else null.</summary>
    public DiskException? Failure { get; private set; }

    /// <summary>How many bytes are written into the chain's writable part: all that it has, or none where its last byte, the status, can't be written.</summary>
    public uint Written { get; private set; }

    // What the device writes before the status.
    private ulong WritableData => Chain.WritableBytes - 1;

    /// <summary>Reads what is asked for. Device lock held.</summary>
    /// <returns>False when the chain is none: it has no header, or no place for the status.</returns>
    public bool TryBegin(IGuestMemory memory)
    {
        Failure = null;
        Written = 0;
        if (!Chain.IsValid || Chain.WritableBytes is 0 or > uint.MaxValue) return false;
        Span<byte> header = stackalloc byte[HeaderLength];
        if (!Chain.TryRead(memory, 0, header)) return false;
        _type = BinaryPrimitives.ReadUInt32LittleEndian(header);
        _sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        return true;
    }

    /// <inheritdoc/>
    protected internal override void Perform()
    {
        IGuestMemory memory = device.Transport.Memory;
        try
        {
            _status = _type switch
            {
                In => Read(memory),
                Out => Write(memory),
                FlushRequest => Flush(),
                GetId => Identify(memory),
                DiscardRequest or WriteZeroesRequest => Release(memory),
                _ => StatusUnsupported,
            };
        }
        catch (DiskException error)
        {
            Failure = error;
            _status = StatusIoError;
        }

        Span<byte> status = [_status];
        Written = Chain.TryWrite(memory, WritableData, status) ? (uint)Chain.WritableBytes : 0;
    }

    /// <inheritdoc/>
    protected internal override void Complete() => device.Completed(this);

    private byte Read(IGuestMemory memory)
    {
        if (!TryLocate(WritableData, out long offset)) return StatusIoError;
        ulong left = WritableData;
        foreach (GuestBuffer buffer in Chain.Writable)
        {
            GuestBuffer rest = buffer with { Length = (uint)Math.Min(buffer.Length, left) };
            left -= rest.Length;
            while (rest.Length != 0)
            {
                if (!memory.TryRentPart(rest.Address, Piece(rest), MemoryIntent.Write, out MemoryRental rental)) return StatusIoError;
                using (rental) device.Image.Read(offset, rental.Writable);
                int done = rental.Bytes.Length;
                offset += done;
                rest = Behind(rest, done);
            }
        }

        return StatusOk;
    }

    private byte Write(IGuestMemory memory)
    {
        ulong length = Chain.ReadableBytes - HeaderLength;
        if (device.IsReadOnly || !TryLocate(length, out long offset)) return StatusIoError;
        ulong skip = HeaderLength;
        foreach (GuestBuffer buffer in Chain.Readable)
        {
            ulong skipped = Math.Min(skip, buffer.Length);
            skip -= skipped;
            GuestBuffer rest = new(buffer.Address + skipped, (uint)(buffer.Length - skipped));
            while (rest.Length != 0)
            {
                if (!memory.TryRentPart(rest.Address, Piece(rest), MemoryIntent.Read, out MemoryRental rental)) return StatusIoError;
                using (rental) device.Image.Write(offset, rental.Bytes);
                int done = rental.Bytes.Length;
                offset += done;
                rest = Behind(rest, done);
            }
        }

        if (device.IsWriteThrough) device.Image.Flush();
        return StatusOk;
    }

    private byte Flush()
    {
        device.Image.Flush();
        return StatusOk;
    }

    private byte Identify(IGuestMemory memory)
    {
        Span<byte> id = stackalloc byte[IdLength];
        id.Clear();
        device.Serial.Span.CopyTo(id);
        id = id[..(int)Math.Min(IdLength, WritableData)];
        return Chain.TryWrite(memory, 0, id) ? StatusOk : StatusIoError;
    }

    private byte Release(IGuestMemory memory)
    {
        if (device.IsReadOnly) return StatusIoError;
        ulong length = Chain.ReadableBytes - HeaderLength;
        if (length == 0 || length % SegmentLength != 0 || length / SegmentLength > VirtioBlock.ReleaseSegments) return StatusUnsupported;
        Span<byte> segment = stackalloc byte[SegmentLength];
        for (ulong at = 0; at < length; at += SegmentLength)
        {
            if (!Chain.TryRead(memory, HeaderLength + at, segment)) return StatusIoError;
            _sector = BinaryPrimitives.ReadUInt64LittleEndian(segment);
            uint sectors = BinaryPrimitives.ReadUInt32LittleEndian(segment[8..]);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(segment[12..]);

            // 5.2.6.2: unknown flags, and unmap for a discard, are not supported.
            bool isDiscard = _type == DiscardRequest;
            if ((flags & ~UnmapFlag) != 0 || (isDiscard && flags != 0)) return StatusUnsupported;
            if (sectors > VirtioBlock.ReleaseSectors || !TryLocate((ulong)sectors * SectorLength, out long offset)) return StatusIoError;
            if (isDiscard) device.Image.Discard(offset, (long)sectors * SectorLength);
            else device.Image.WriteZeroes(offset, (long)sectors * SectorLength, release: (flags & UnmapFlag) != 0);
        }

        if (device.IsWriteThrough) device.Image.Flush();
        return StatusOk;
    }

    // Whole sectors, all of them on the disk.
    private bool TryLocate(ulong length, out long offset)
    {
        ulong capacity = device.Capacity;
        offset = (long)(_sector * SectorLength);
        return length % SectorLength == 0 && _sector <= capacity && length / SectorLength <= capacity - _sector;
    }

    private static int Piece(GuestBuffer buffer) => (int)Math.Min(buffer.Length, int.MaxValue);

    private static GuestBuffer Behind(GuestBuffer buffer, int done) => new(buffer.Address + (uint)done, buffer.Length - (uint)done);
}
