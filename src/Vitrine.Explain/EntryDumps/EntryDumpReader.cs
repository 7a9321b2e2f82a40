using System.Collections.Immutable;
using System.Text;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Reads a VMCS or VMCB from a kernel's log or from Vitrine's JSON.</summary>
public static class EntryDumpReader
{
    /// <summary>The most that is read of a file, in bytes.</summary>
    public const int MaximumLength = 4 << 20;

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="stream">The file or standard input.</param>
    /// <returns>The dump; where there are several, the last one that is whole.</returns>
    /// <exception cref="Errors.VitrineException">It can't be read as a dump: the line, and what was expected.</exception>
    public static EntryDump Read(string file, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] buffer = new byte[MaximumLength + 1];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > MaximumLength) throw DumpErrors.TooLong(file, MaximumLength);
        ReadOnlySpan<byte> bytes = buffer.AsSpan(0, length);
        if (bytes.Contains((byte)0)) throw DumpErrors.Binary(file);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) bytes = bytes[3..];
        return Read(file, Encoding.UTF8.GetString(bytes));
    }

    /// <summary>Reads a text.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="text">The content.</param>
    /// <returns>The dump; where there are several, the last one that is whole.</returns>
    /// <exception cref="Errors.VitrineException">It can't be read as a dump: the line, and what was expected.</exception>
    public static EntryDump Read(string file, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.AsSpan().TrimStart() is ['{', ..]) return EntryJson.Read(file, text);
        DumpLine[] lines = [.. text.Split('\n').Select((line, index) => DumpLine.Parse(index + 1, line))];
        List<int> starts = [];
        for (int i = 0; i < lines.Length; i++)
        {
            if (IsVmcs(lines[i]) || lines[i].Text.StartsWith(LinuxVmcbDump.Start, StringComparison.Ordinal)) starts.Add(i);
        }

        if (starts.Count == 0) throw DumpErrors.UnknownLayout(file);
        return LastWhole(file, lines, starts);
    }

    private static EntryDump LastWhole(string file, DumpLine[] lines, List<int> starts)
    {
        string? lastMissing = null;
        for (int i = starts.Count - 1; i >= 0; i--)
        {
            int end = i + 1 < starts.Count ? starts[i + 1] : lines.Length;
            ReadOnlySpan<DumpLine> dump = lines.AsSpan(starts[i], end - starts[i]);
            bool vmcs = IsVmcs(dump[0]);
            EntryArea area = vmcs ? LinuxVmcsDump.Read(file, dump, out string? missing) : LinuxVmcbDump.Read(file, dump, out missing);
            if (missing is null)
            {
                ImmutableArray<string> remarks = starts.Count == 1
                    ? []
                    : [$"The file has {starts.Count} dumps; this is the last one that is whole, from line {dump[0].Number} on."];
                return new EntryDump(vmcs ? "a VMCS as Linux prints it" : "a VMCB as Linux prints it", dump[0].Number, area, EntryEnvironment.Default, remarks);
            }

            lastMissing ??= missing;
        }

        DumpLine last = lines[starts[^1]];
        throw DumpErrors.CutOff(file, last.Number, IsVmcs(last) ? "VMCS" : "VMCB", lastMissing!);
    }

    private static bool IsVmcs(DumpLine line) => line.Text.StartsWith(LinuxVmcsDump.Start, StringComparison.Ordinal);
}
