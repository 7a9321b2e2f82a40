using System.Buffers.Text;

namespace Vitrine.KvmServer.Native;

/// <summary>What of this process's memory is mapped, and with what rights (proc(5), /proc/pid/maps).</summary>
internal static class MappedRanges
{
    private const string Path = "/proc/self/maps";

    /// <summary>Parts of a range that can be read, ascending; neighbours with the same rights are one. The whole range where the host does not say.</summary>
    public static List<MappedRange> Within(ulong address, ulong length)
    {
        List<MappedRange> ranges = [];
        ulong end = address + length;
        ReadOnlySpan<byte> rest;
        try
        {
            rest = File.ReadAllBytes(Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [new MappedRange(address, end, IsWritable: true)];
        }

        // start-end rights offset device inode path
        while (Utf8Parser.TryParse(rest, out ulong from, out int digits, 'x'))
        {
            rest = rest[(digits + 1)..];
            if (!Utf8Parser.TryParse(rest, out ulong to, out digits, 'x')) break;
            ReadOnlySpan<byte> rights = rest[(digits + 1)..];
            if (from >= end) break;
            if (to > address && rights[0] == 'r') Add(ranges, new MappedRange(Math.Max(from, address), Math.Min(to, end), rights[1] == 'w'));
            int line = rest.IndexOf((byte)'\n');
            if (line < 0) break;
            rest = rest[(line + 1)..];
        }

        return ranges;
    }

    private static void Add(List<MappedRange> ranges, MappedRange range)
    {
        if (ranges.Count != 0 && ranges[^1].End == range.Start && ranges[^1].IsWritable == range.IsWritable)
        {
            ranges[^1] = ranges[^1] with { End = range.End };
            return;
        }

        ranges.Add(range);
    }
}
