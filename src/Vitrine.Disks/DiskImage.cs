namespace Vitrine.Disks;

/// <summary>
/// The content of a disk: so many bytes that are read and written anywhere, whatever the host keeps them in. Any thread may call, several
/// at once; each call
/// blocks until the host has done it. Accesses that overlap in time and place have no order between them, as with a disk's own queue.
/// </summary>
/// <remarks>What is written is there for every later read; it survives the host's end once <see cref="Flush"/> has returned.</remarks>
public abstract class DiskImage : IDisposable
{
    private const int SegmentsAtOnce = 64;

    /// <summary>Its format in one word, as options name it: "raw", "qcow2".</summary>
    public abstract string Format { get; }

    /// <summary>Bytes; grows by <see cref="Resize"/> only.</summary>
    public abstract long Length { get; }

    /// <summary>True when nothing may be written.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>Copies bytes out.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="destination">Receives them; the whole range lies within <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">The host could not read them.</exception>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>Copies bytes in.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="source">The bytes; the whole range lies within <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">It is read-only, or the host could not write them; some may have been written.</exception>
    public abstract void Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>
    /// Copies bytes out, to several pieces of memory one after the other; nothing is copied twice where the image allows it.
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="segments">Receive them; the whole range lies within <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">The host could not read them.</exception>
    public virtual void Read(long offset, ReadOnlySpan<DiskSegment> segments)
    {
        foreach (ref readonly DiskSegment segment in segments)
        {
            Read(offset, segment.Bytes);
            offset += segment.Length;
        }
    }

    /// <summary>
    /// Copies bytes in, from several pieces of memory one after the other; nothing is copied twice where the image allows it.
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="segments">The bytes; the whole range lies within <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">It is read-only, or the host could not write them; some may have been written.</exception>
    public virtual void Write(long offset, ReadOnlySpan<DiskSegment> segments)
    {
        foreach (ref readonly DiskSegment segment in segments)
        {
            Write(offset, (ReadOnlySpan<byte>)segment.Bytes);
            offset += segment.Length;
        }
    }

    /// <summary>What is known of the bytes from a place on, without reading them.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes that are of interest, at least one; they lie within the disk.</param>
    /// <returns>The extent that begins at the place, at most so long. The next one may be alike.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk, or is empty.</exception>
    /// <exception cref="DiskException">The host failed.</exception>
    public virtual DiskExtent ExtentAt(long offset, long length)
    {
        CheckRange(offset, length);
        ArgumentOutOfRangeException.ThrowIfZero(length);
        return new DiskExtent(offset, length, DiskExtentKind.Data, Depth: 0, FileOffset: null);
    }

    /// <summary>Makes everything written by calls that have returned survive the end of this process and of the host.</summary>
    /// <exception cref="DiskException">The host could not; what is lost can't be told.</exception>
    public abstract void Flush();

    /// <summary>
    /// Says that a range's bytes are not needed any more: they read as they did, or as zeros. The host's space is given back where that is
    /// possible.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">It is read-only, or the host failed.</exception>
    public abstract void Discard(long offset, long length);

    /// <summary>Makes a range read as zeros, without storing them where that is possible.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; the range lies within the disk.</param>
    /// <param name="release">True when the host's space may be given back.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskException">It is read-only, or the host failed.</exception>
    public abstract void WriteZeroes(long offset, long length, bool release);

    /// <summary>Makes it longer; what is added reads as zeros. Also while others read and write.</summary>
    /// <param name="length">New length in bytes, not below <see cref="Length"/>.</param>
    /// <exception cref="Errors.VitrineException">This image can't be made so long.</exception>
    /// <exception cref="DiskException">It is read-only, or the host failed.</exception>
    public abstract void Resize(long length);

    /// <summary>Closes it; what was not flushed is written, as far as the host lets it.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads into part of several segments: what an image in front of this one does.</summary>
    internal virtual void ReadRange(long offset, SegmentRange destination)
    {
        Span<DiskSegment> segments = stackalloc DiskSegment[SegmentsAtOnce];
        while (destination.Length > 0)
        {
            int count = destination.Describe(segments, out long bytes);
            Read(offset, segments[..count]);
            offset += bytes;
            destination = destination.From(bytes);
        }
    }

    /// <summary>Checks that a range lies within the disk.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It does not.</exception>
    protected void CheckRange(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }

    /// <summary>Lets go of what it holds.</summary>
    /// <param name="disposing">False from a finalizer.</param>
    protected abstract void Dispose(bool disposing);
}
