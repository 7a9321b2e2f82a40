namespace Vitrine.Disks;

/// <summary>
/// The content of a disk: so many bytes that are read and written anywhere, whatever the host keeps them in. Any thread may call, several at once; each call
/// blocks until the host has done it. Accesses that overlap in time and place have no order between them, as with a disk's own queue.
/// </summary>
/// <remarks>What is written is there for every later read; it survives the host's end once <see cref="Flush"/> has returned.</remarks>
public abstract class DiskImage : IDisposable
{
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

    /// <summary>Makes everything written by calls that have returned survive the end of this process and of the host.</summary>
    /// <exception cref="DiskException">The host could not; what is lost can't be told.</exception>
    public abstract void Flush();

    /// <summary>Says that a range's bytes are not needed any more: they read as they did, or as zeros. The host's space is given back where that is possible.</summary>
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

    /// <summary>Lets go of what it holds.</summary>
    /// <param name="disposing">False from a finalizer.</param>
    protected abstract void Dispose(bool disposing);
}
