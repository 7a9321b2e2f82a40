namespace Vitrine.Disks;

/// <summary>A range of the bytes that several segments hold together. Nothing is copied to make one smaller.</summary>
internal readonly ref struct SegmentRange
{
    private readonly ReadOnlySpan<DiskSegment> _segments;

    // Bytes of the first segment that come before the range.
    private readonly int _skip;

    /// <summary>All bytes of all segments.</summary>
    public SegmentRange(ReadOnlySpan<DiskSegment> segments)
    {
        _segments = segments;
        foreach (ref readonly DiskSegment segment in segments) Length += segment.Length;
    }

    private SegmentRange(ReadOnlySpan<DiskSegment> segments, int skip, long length)
    {
        _segments = segments;
        _skip = skip;
        Length = length;
    }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Part of the range.</summary>
    public SegmentRange Slice(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)start, (ulong)Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, (ulong)(Length - start));
        int first = 0;
        long skip = _skip + start;
        while (first < _segments.Length && skip >= _segments[first].Length) skip -= _segments[first++].Length;
        return new SegmentRange(_segments[first..], (int)skip, length);
    }

    /// <summary>The range without its first bytes.</summary>
    public SegmentRange From(long start) => Slice(start, Length - start);

    /// <summary>Puts its segments, cut to the range, into an array as far as there is room.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="bytes">How many bytes they hold together.</param>
    /// <returns>How many segments.</returns>
    public int Describe(Span<DiskSegment> target, out long bytes)
    {
        int count = 0;
        bytes = 0;
        int skip = _skip;
        foreach (ref readonly DiskSegment segment in _segments)
        {
            if (bytes == Length || count == target.Length) break;
            int length = (int)Math.Min(segment.Length - skip, Length - bytes);
            if (length > 0) target[count++] = segment.Slice(skip, length);
            bytes += length;
            skip = 0;
        }

        return count;
    }

    /// <summary>Fills the range with zeros.</summary>
    public void Clear()
    {
        long left = Length;
        int skip = _skip;
        foreach (ref readonly DiskSegment segment in _segments)
        {
            if (left == 0) break;
            int length = (int)Math.Min(segment.Length - skip, left);
            segment.Slice(skip, length).Bytes.Clear();
            left -= length;
            skip = 0;
        }
    }

    /// <summary>Copies bytes to the start of the range, which must have room for them.</summary>
    public void CopyFrom(ReadOnlySpan<byte> source)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, Length);
        int skip = _skip;
        foreach (ref readonly DiskSegment segment in _segments)
        {
            if (source.IsEmpty) break;
            int length = Math.Min(segment.Length - skip, source.Length);
            source[..length].CopyTo(segment.Slice(skip, length).Bytes);
            source = source[length..];
            skip = 0;
        }
    }

    /// <summary>Copies the whole range out.</summary>
    /// <param name="destination">Receives it; has room for it.</param>
    public void CopyTo(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Length, destination.Length);
        long left = Length;
        int skip = _skip;
        foreach (ref readonly DiskSegment segment in _segments)
        {
            if (left == 0) break;
            int length = (int)Math.Min(segment.Length - skip, left);
            segment.Slice(skip, length).Bytes.CopyTo(destination);
            destination = destination[length..];
            left -= length;
            skip = 0;
        }
    }
}
