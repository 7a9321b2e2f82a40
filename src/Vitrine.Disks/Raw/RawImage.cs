using System.Globalization;
using Vitrine.Disks.Host;
using Vitrine.Errors;

namespace Vitrine.Disks.Raw;

/// <summary>A disk kept byte by byte in a file, which may be sparse, or in a block device.</summary>
internal sealed class RawImage : SegmentedImage
{
    private readonly ImageFile _file;
    private readonly bool _isGuess;
    private readonly Lock _resize = new();
    private long _length;

    /// <summary>Takes a file over.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isGuess">
    /// True when nobody said that it is raw. Then nothing may be written to its start that looks like a qcow2 image: opened the next time,
    /// it would be taken for one,
    /// and the guest would have chosen which files of the host are its backing files.
    /// </param>
    public RawImage(ImageFile file, bool isGuess)
    {
        _file = file;
        _isGuess = isGuess;
        _length = file.Length;
    }

    /// <inheritdoc/>
    public override string Format => "raw";

    /// <inheritdoc/>
    public override long Length => Volatile.Read(ref _length);

    /// <inheritdoc/>
    public override bool IsReadOnly => _file.IsReadOnly;

    /// <inheritdoc/>
    public override DiskExtent ExtentAt(long offset, long length)
    {
        CheckRange(offset, length);
        ArgumentOutOfRangeException.ThrowIfZero(length);
        bool stored = _file.IsStored(offset, out long alike);
        if (alike <= 0) throw Shortened(offset);
        return new DiskExtent(
            offset, Math.Min(alike, length), stored ? DiskExtentKind.Data : DiskExtentKind.Zero, Depth: 0, FileOffset: offset);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (!IsReadOnly) _file.Flush();
    }

    /// <inheritdoc/>
    public override void Discard(long offset, long length)
    {
        CheckRange(offset, length);
        CheckWritable();
        _ = _file.TryPunch(offset, length);
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool release)
    {
        CheckRange(offset, length);
        CheckWritable();
        _file.WriteZeroes(offset, length, release);
    }

    /// <inheritdoc/>
    public override void Resize(long length)
    {
        CheckWritable();
        lock (_resize)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(length, _length);
            if (_file.IsDevice)
            {
                // Somebody else changes a device's size; here it is taken up.
                long present = _file.Length;
                if (length > present) throw DeviceTooSmall(length, present);
            }
            else
            {
                _file.SetLength(length);
            }

            Volatile.Write(ref _length, length);
        }
    }

    private protected override void Read(long offset, SegmentRange destination)
    {
        if (_file.Read(offset, destination) != destination.Length) throw Shortened(offset);
    }

    private protected override void Write(long offset, SegmentRange source)
    {
        if (_isGuess && offset < FormatProbe.QcowMagic.Length && WouldLookLikeQcow2(offset, source))
        {
            throw new DiskException(
                DiskFault.ReadOnly,
                $"The start of '{_file.Name}' may not be made that of a qcow2 image, because it was opened as raw without being told so.");
        }

        _file.Write(offset, source);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
    }

    private bool WouldLookLikeQcow2(long offset, SegmentRange source)
    {
        Span<byte> start = stackalloc byte[FormatProbe.QcowMagic.Length];
        start.Clear();
        _ = _file.Read(0, start);
        long taken = Math.Min(source.Length, start.Length - offset);
        source.Slice(0, taken).CopyTo(start[(int)offset..]);
        return start.SequenceEqual(FormatProbe.QcowMagic);
    }

    private DiskException Shortened(long offset) => new(
        DiskFault.HostError,
        string.Create(CultureInfo.InvariantCulture, $"'{_file.Name}' has nothing at {offset}: it was made shorter than {Length} bytes while it was in use."));

    private VitrineException DeviceTooSmall(long length, long present) => VitrineException.User(
        ErrorCode.DiskSize,
        string.Create(CultureInfo.InvariantCulture, $"The disk can't be made {length} bytes long: the device '{_file.Name}' has {present}."),
        "The size of a block device is decided where the device is made.",
        "Make the device larger first, for example with lvextend.")
        .With("path", _file.Name).With("bytes", length).With("maximum", present);
}
