namespace Vitrine.Disks;

/// <summary>An image that transfers to and from several pieces of memory at once; a single span is one piece.</summary>
public abstract class SegmentedImage : DiskImage
{
    private protected SegmentedImage()
    {
    }

    /// <inheritdoc/>
    public sealed override unsafe void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);

        // SAFETY: pinned as long as the transfer needs the address.
        fixed (byte* address = destination)
        {
            DiskSegment segment = new(address, destination.Length);
            Read(offset, new SegmentRange(new ReadOnlySpan<DiskSegment>(in segment)));
        }
    }

    /// <inheritdoc/>
    public sealed override unsafe void Write(long offset, ReadOnlySpan<byte> source)
    {
        CheckRange(offset, source.Length);
        CheckWritable();

        // SAFETY: pinned as long as the transfer needs the address; a write only reads there.
        fixed (byte* address = source)
        {
            DiskSegment segment = new(address, source.Length);
            Write(offset, new SegmentRange(new ReadOnlySpan<DiskSegment>(in segment)));
        }
    }

    /// <inheritdoc/>
    public sealed override void Read(long offset, ReadOnlySpan<DiskSegment> segments)
    {
        SegmentRange range = new(segments);
        CheckRange(offset, range.Length);
        Read(offset, range);
    }

    /// <inheritdoc/>
    public sealed override void Write(long offset, ReadOnlySpan<DiskSegment> segments)
    {
        SegmentRange range = new(segments);
        CheckRange(offset, range.Length);
        CheckWritable();
        Write(offset, range);
    }

    internal sealed override void ReadRange(long offset, SegmentRange destination)
    {
        CheckRange(offset, destination.Length);
        Read(offset, destination);
    }

    /// <summary>Copies bytes out; the range has been checked.</summary>
    private protected abstract void Read(long offset, SegmentRange destination);

    /// <summary>Copies bytes in; the range has been checked, and that the image may be written.</summary>
    private protected abstract void Write(long offset, SegmentRange source);

    /// <summary>Checks that the image may be written.</summary>
    /// <exception cref="DiskException">It may not.</exception>
    private protected void CheckWritable()
    {
        if (IsReadOnly) throw new DiskException(DiskFault.ReadOnly, $"The {Format} image is open for reading only.");
    }
}
