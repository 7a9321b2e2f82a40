using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Vitrine.Disks.Host;

/// <summary>A regular file or a block device of the host.</summary>
internal sealed unsafe class HostFile : ImageFile
{
    // SAFETY: every segment is memory that its maker vouches for until the call returns; the descriptors live as long as their handles.
    private const int SegmentsPerCall = 128;
    private const int ZeroesPerWrite = 1 << 16;

    // What O_DIRECT wants of addresses, offsets and lengths, on every device that is known.
    private const int DirectAlignment = 4096;

    private static readonly byte[] s_zeroes = new byte[ZeroesPerWrite];

    private readonly SafeFileHandle _file;

    // The same file without the host's cache; null when that is used.
    private readonly SafeFileHandle? _direct;

    // What the host said first when it could not make writes durable: it does not say so twice, and what it lost stays lost.
    private int _flushError;

    /// <summary>Takes an open file over.</summary>
    /// <param name="file">The file.</param>
    /// <param name="direct">The same file opened without the host's cache, if that shall be used where it can.</param>
    /// <param name="name">Its path, for messages.</param>
    /// <param name="isReadOnly">True when it was opened for reading.</param>
    /// <param name="isDevice">True for a block device.</param>
    public HostFile(SafeFileHandle file, SafeFileHandle? direct, string name, bool isReadOnly, bool isDevice)
    {
        _file = file;
        _direct = direct;
        Name = name;
        IsReadOnly = isReadOnly;
        IsDevice = isDevice;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override bool IsDevice { get; }

    /// <inheritdoc/>
    public override long Length
    {
        get
        {
            // Of a block device too; the file's own position is used by nobody.
            long length = HostCalls.Lseek(_file, 0, HostCalls.SEEK_END);
            return length >= 0 ? length : throw HostError.Of(Name, "Finding the size of", Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>The descriptor, for locks and for cloning.</summary>
    public SafeFileHandle Handle => _file;

    /// <inheritdoc/>
    public override long Read(long offset, SegmentRange destination)
    {
        long done = 0;
        DiskSegment* segments = stackalloc DiskSegment[SegmentsPerCall];
        while (destination.Length > 0)
        {
            int count = destination.Describe(new Span<DiskSegment>(segments, SegmentsPerCall), out long bytes);
            SafeFileHandle file = Choose(segments, count, offset);
            nint moved = HostCalls.Preadv(file, segments, count, offset);
            if (moved < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == HostCalls.EINTR) continue;

                // A device that wants a coarser alignment than is usual.
                if (error == HostCalls.EINVAL && file == _direct) moved = HostCalls.Preadv(_file, segments, count, offset);
                if (moved < 0) throw HostError.Of(Name, "Reading", offset, bytes, error);
            }

            if (moved == 0) break;
            destination = destination.From(moved);
            offset += moved;
            done += moved;
        }

        return done;
    }

    /// <inheritdoc/>
    public override void Write(long offset, SegmentRange source)
    {
        DiskSegment* segments = stackalloc DiskSegment[SegmentsPerCall];
        while (source.Length > 0)
        {
            int count = source.Describe(new Span<DiskSegment>(segments, SegmentsPerCall), out long bytes);
            SafeFileHandle file = Choose(segments, count, offset);
            nint moved = HostCalls.Pwritev(file, segments, count, offset);
            if (moved < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == HostCalls.EINTR) continue;
                if (error == HostCalls.EINVAL && file == _direct) moved = HostCalls.Pwritev(_file, segments, count, offset);
                if (moved < 0) throw HostError.Of(Name, "Writing", offset, bytes, error);
            }

            // At the end of a device nothing is written, without an error.
            if (moved == 0) throw HostError.Of(Name, "Writing", offset, bytes, HostCalls.ENOSPC);
            source = source.From(moved);
            offset += moved;
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        int error = Volatile.Read(ref _flushError);
        while (error == 0 && HostCalls.Fdatasync(_file) != 0)
        {
            error = Marshal.GetLastPInvokeError();
            if (error == HostCalls.EINTR) error = 0;
            else Volatile.Write(ref _flushError, error);
        }

        if (error != 0) throw HostError.Of(Name, "Making writes durable in", error);
    }

    /// <inheritdoc/>
    public override void SetLength(long length)
    {
        while (HostCalls.Ftruncate(_file, length) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != HostCalls.EINTR) throw HostError.Of(Name, "Changing the size of", error);
        }
    }

    /// <inheritdoc/>
    public override bool TryPunch(long offset, long length) => TryFallocate(HostCalls.FALLOC_FL_PUNCH_HOLE, "Giving back", offset, length);

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool release)
    {
        if (release && TryPunch(offset, length)) return;
        if (TryFallocate(HostCalls.FALLOC_FL_ZERO_RANGE, "Clearing", offset, length)) return;

        // Where the file ends, nothing has to be cleared.
        long end = Math.Min(offset + length, Length);
        for (; offset < end; offset += ZeroesPerWrite) Write(offset, s_zeroes.AsSpan(0, (int)Math.Min(ZeroesPerWrite, end - offset)));
    }

    /// <inheritdoc/>
    public override bool IsStored(long offset, out long length)
    {
        long end = Length;
        length = Math.Max(0, end - offset);
        long data = HostCalls.Lseek(_file, offset, HostCalls.SEEK_DATA);

        // ENXIO: a hole up to the end. Any other error: the file system, or the device, does not tell.
        if (data < 0) return Marshal.GetLastPInvokeError() != HostCalls.ENXIO;
        if (data > offset)
        {
            length = Math.Min(data, end) - offset;
            return false;
        }

        long hole = HostCalls.Lseek(_file, offset, HostCalls.SEEK_HOLE);
        if (hole > offset) length = Math.Min(hole, end) - offset;
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _direct?.Dispose();
        _file.Dispose();
    }

    private SafeFileHandle Choose(DiskSegment* segments, int count, long offset)
    {
        if (_direct is null) return _file;
        nint bits = (nint)offset;
        for (int n = 0; n < count; n++) bits |= segments[n].Alignment;
        return (bits & (DirectAlignment - 1)) == 0 ? _direct : _file;
    }

    private bool TryFallocate(int mode, string action, long offset, long length)
    {
        if (length == 0) return true;
        while (HostCalls.Fallocate(_file, mode | HostCalls.FALLOC_FL_KEEP_SIZE, offset, length) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case HostCalls.EINTR:
                    continue;

                // EINVAL: a device whose blocks are larger than what was asked for.
                case HostCalls.EOPNOTSUPP or HostCalls.ENOSYS or HostCalls.ENODEV or HostCalls.EINVAL:
                    return false;
                case int error:
                    throw HostError.Of(Name, action, offset, length, error);
            }
        }

        return true;
    }
}
