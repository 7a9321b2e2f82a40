namespace Vitrine.Disks.Host;

/// <summary>
/// What an image is kept in: bytes of the host that are read and written at offsets. Any thread may call. Failures are <see
/// cref="DiskException"/>.
/// </summary>
internal abstract class ImageFile : IDisposable
{
    /// <summary>What to call it in messages: its path.</summary>
    public abstract string Name { get; }

    /// <summary>True when it was opened for reading.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>True when its size is given and what it holds at first is not known to be zeros: a block device.</summary>
    public virtual bool IsDevice => false;

    /// <summary>Its size in bytes at present.</summary>
    public abstract long Length { get; }

    /// <summary>Reads bytes.</summary>
    /// <returns>How many: less than asked for only where the file ends.</returns>
    public abstract long Read(long offset, SegmentRange destination);

    /// <summary>Writes bytes; the file becomes longer where need be.</summary>
    public abstract void Write(long offset, SegmentRange source);

    /// <summary>Makes what was written survive the host's end.</summary>
    public abstract void Flush();

    /// <summary>Sets the size; what is added reads as zeros.</summary>
    public abstract void SetLength(long length);

    /// <summary>Gives a range's space back, if the host can; then it reads as zeros.</summary>
    /// <returns>False when the host can't, and nothing has changed.</returns>
    public abstract bool TryPunch(long offset, long length);

    /// <summary>Makes a range read as zeros. It may lie beyond the file's end, which does not move.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="release">True when its space may be given back.</param>
    public abstract void WriteZeroes(long offset, long length, bool release);

    /// <summary>Whether the bytes from a place on are stored or a hole, and how many are alike.</summary>
    /// <param name="offset">First byte, before the file's end.</param>
    /// <param name="length">Bytes alike, up to the file's end at most.</param>
    /// <returns>True when they are stored, or nothing is known of holes.</returns>
    public abstract bool IsStored(long offset, out long length);

    /// <summary>Reads bytes into one piece of memory.</summary>
    /// <returns>How many: less than asked for only where the file ends.</returns>
    public unsafe int Read(long offset, Span<byte> destination)
    {
        // SAFETY: pinned as long as the call needs the address.
        fixed (byte* address = destination)
        {
            DiskSegment segment = new(address, destination.Length);
            return (int)Read(offset, new SegmentRange(new ReadOnlySpan<DiskSegment>(in segment)));
        }
    }

    /// <summary>Writes bytes from one piece of memory.</summary>
    public unsafe void Write(long offset, ReadOnlySpan<byte> source)
    {
        // SAFETY: pinned as long as the call needs the address; a write only reads there.
        fixed (byte* address = source)
        {
            DiskSegment segment = new(address, source.Length);
            Write(offset, new SegmentRange(new ReadOnlySpan<DiskSegment>(in segment)));
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of what it holds.</summary>
    protected abstract void Dispose(bool disposing);
}
