using System.Buffers;
using Vitrine.Disks.Host;
using Vitrine.Errors;

namespace Vitrine.Disks.Overlay;

/// <summary>
/// Another image, in front of which everything written is kept in a temporary file. Nothing of it survives the process, and the other image
/// does not change.
/// </summary>
internal sealed class OverlayImage : SegmentedImage
{
    private const int SmallestBlockShift = 12;
    private const long MostBlocks = 1L << 35;
    private const int CopySize = 1 << 16;

    private readonly DiskImage _base;
    private readonly ImageFile _file;
    private readonly BlockMap _held = new();
    private readonly RangeLock _filling = new();
    private readonly Lock _resize = new();
    private readonly int _blockShift = SmallestBlockShift;
    private long _length;

    /// <summary>Takes an image and a file over.</summary>
    /// <param name="image">The image.</param>
    /// <param name="file">An empty file for what is written.</param>
    public OverlayImage(DiskImage image, ImageFile file)
    {
        _base = image;
        _file = file;
        _length = image.Length;
        while (_length >> _blockShift >= MostBlocks) _blockShift++;
        _held.Extend(Blocks(_length));
    }

    /// <inheritdoc/>
    public override string Format => _base.Format;

    /// <inheritdoc/>
    public override long Length => Volatile.Read(ref _length);

    /// <inheritdoc/>
    public override bool IsReadOnly => false;

    /// <inheritdoc/>
    public override DiskExtent ExtentAt(long offset, long length)
    {
        CheckRange(offset, length);
        ArgumentOutOfRangeException.ThrowIfZero(length);
        bool held = Holds(offset, length, out long run);
        if (held)
        {
            bool stored = _file.IsStored(offset, out long alike);

            // Behind the temporary file's end it is all one hole.
            run = alike > 0 ? Math.Min(alike, run) : run;
            return new DiskExtent(offset, run, stored && alike > 0 ? DiskExtentKind.Data : DiskExtentKind.Zero, Depth: 0, FileOffset: null);
        }

        if (offset >= _base.Length) return new DiskExtent(offset, run, DiskExtentKind.Unallocated, Depth: 0, FileOffset: null);
        DiskExtent below = _base.ExtentAt(offset, Math.Min(run, _base.Length - offset));
        return below with { Depth = below.Depth + 1 };
    }

    /// <summary>Does nothing: what is written is not to survive anything.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void Discard(long offset, long length)
    {
        CheckRange(offset, length);
        while (length > 0)
        {
            if (Holds(offset, length, out long run)) _ = _file.TryPunch(offset, run);
            offset += run;
            length -= run;
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool release)
    {
        CheckRange(offset, length);
        if (length == 0) return;
        if (Holds(offset, length, out long run) && run == length)
        {
            _file.WriteZeroes(offset, length, release);
            return;
        }

        long first = offset >> _blockShift;
        long last = (offset + length - 1) >> _blockShift;
        _filling.Enter(first, last);
        try
        {
            FillEnds(offset, length);
            _file.WriteZeroes(offset, length, release);
            _held.Set(first, last + 1);
        }
        finally
        {
            _filling.Exit(first, last);
        }
    }

    /// <inheritdoc/>
    public override void Resize(long length)
    {
        lock (_resize)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(length, _length);
            if (length >> _blockShift >= MostBlocks) throw TooLong(length);
            _held.Extend(Blocks(length));
            Volatile.Write(ref _length, length);
        }
    }

    private protected override void Read(long offset, SegmentRange destination)
    {
        while (destination.Length > 0)
        {
            bool held = Holds(offset, destination.Length, out long run);
            SegmentRange part = destination.Slice(0, run);
            if (held) part.From(_file.Read(offset, part)).Clear();
            else ReadBase(offset, part);
            destination = destination.From(run);
            offset += run;
        }
    }

    private protected override void Write(long offset, SegmentRange source)
    {
        if (source.Length == 0) return;
        if (Holds(offset, source.Length, out long run) && run == source.Length)
        {
            _file.Write(offset, source);
            return;
        }

        // Others may write to blocks that are held, and to other blocks that are not.
        long first = offset >> _blockShift;
        long last = (offset + source.Length - 1) >> _blockShift;
        _filling.Enter(first, last);
        try
        {
            FillEnds(offset, source.Length);
            _file.Write(offset, source);
            _held.Set(first, last + 1);
        }
        finally
        {
            _filling.Exit(first, last);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _file.Dispose();
        _base.Dispose();
    }

    private long Blocks(long length) => (length >> _blockShift) + 1;

    private bool Holds(long offset, long length, out long run)
    {
        bool held = _held.Holds(offset >> _blockShift, ((offset + length - 1) >> _blockShift) + 1, out long blocks);
        run = Math.Min(((offset >> _blockShift) + blocks << _blockShift) - offset, length);
        return held;
    }

    // Brings what a range leaves of its first and last block, where these are not held.
    private void FillEnds(long offset, long length)
    {
        long end = offset + length;
        long start = offset >> _blockShift << _blockShift;
        long lastStart = (end - 1) >> _blockShift << _blockShift;
        long lastEnd = lastStart + (1L << _blockShift);
        if (!_held.Holds(offset >> _blockShift, (offset >> _blockShift) + 1, out _)) Copy(start, offset);
        if (!_held.Holds(lastStart >> _blockShift, (lastStart >> _blockShift) + 1, out _)) Copy(end, lastEnd);
    }

    // What lies beyond the image is a hole of the temporary file already, unless a write failed there before it was noted.
    private void Copy(long from, long to)
    {
        if (from >= to) return;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopySize);
        long end = Math.Min(to, _base.Length);
        while (from < end)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(CopySize, end - from));
            _base.Read(from, part);
            _file.Write(from, part);
            from += part.Length;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        if (from < to) _file.WriteZeroes(from, to - from, release: true);
    }

    private void ReadBase(long offset, SegmentRange destination)
    {
        long present = Math.Clamp(_base.Length - offset, 0, destination.Length);
        if (present > 0) _base.ReadRange(offset, destination.Slice(0, present));
        destination.From(present).Clear();
    }

    private VitrineException TooLong(long length) => VitrineException.User(
        ErrorCode.DiskSize,
        $"The overlay can't be made {length} bytes long.",
        "It keeps a table in memory, whose parts have the size that fitted the disk when it was opened.",
        "Make the image itself larger, and open it again.")
        .With("path", _file.Name).With("bytes", length).With("maximum", (MostBlocks << _blockShift) - 1);
}
