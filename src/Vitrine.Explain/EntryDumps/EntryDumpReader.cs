using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Reads a VMCS or VMCB, or the registers that one is built from: from a log, a debugger's output, or Vitrine's JSON.</summary>
public static class EntryDumpReader
{
    /// <summary>The most that is read of a file, in bytes.</summary>
    public const int MaximumLength = 4 << 20;

    // In bytes. Few files are longer, and an array of the maximum costs more than to read them.
    private const int UsualLength = 32 << 10;

    // A dump has about 50 lines; a log may have others between them.
    private const int MostLines = 500;

    // Of more, the last ones are looked at.
    private const int MostDumps = 200;

    private enum Kind
    {
        None,
        Vmcs,
        Vmcb,
        Registers,
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="stream">The file or standard input.</param>
    /// <returns>The dump; where there are several, the last one that is whole, of a VMCS or VMCB if there is one.</returns>
    /// <exception cref="Errors.VitrineException">It can't be read as a dump: the line, and what was expected.</exception>
    public static EntryDump Read(string file, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] buffer = new byte[UsualLength];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        while (length == buffer.Length && length <= MaximumLength)
        {
            Array.Resize(ref buffer, Math.Min(2 * length, MaximumLength + 1));
            length += stream.ReadAtLeast(buffer.AsSpan(length), buffer.Length - length, throwOnEndOfStream: false);
        }

        if (length > MaximumLength) throw DumpErrors.TooLong(file, MaximumLength);
        ReadOnlySpan<byte> bytes = buffer.AsSpan(0, length);
        return Read(file, LogLines.Decode(bytes) ?? throw DumpErrors.Binary(file));
    }

    /// <summary>Reads a text.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="text">The content.</param>
    /// <returns>The dump; where there are several, the last one that is whole, of a VMCS or VMCB if there is one.</returns>
    /// <exception cref="Errors.VitrineException">It can't be read as a dump: the line, and what was expected.</exception>
    public static EntryDump Read(string file, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string log = LogLines.Normalize(text);
        string[] lines = log.Split('\n');
        Dump[] dumps = FindDumps(lines);
        if (dumps.Length > 0) return LastWhole(file, lines, dumps);
        bool structure = KvmStructDump.IsIn(log);
        if (!structure && text.AsSpan().TrimStart() is ['{', ..]) return EntryJson.Read(file, text);
        RunEnd? end = Announcement.Find(lines, 0, lines.Length);
        if (structure) return KvmStructDump.Read(file, log, end ?? RunEnd.NotSaid);
        throw end is null ? DumpErrors.UnknownLayout(file) : DumpErrors.OnlyAnnounced(file, end);
    }

    private static Dump[] FindDumps(string[] lines)
    {
        List<Dump> dumps = [];
        int next = lines.Length;
        for (int i = lines.Length - 1; i >= 0 && dumps.Count < MostDumps; i--)
        {
            Kind kind = KindAt(i, lines[i]);
            if (kind == Kind.None) continue;
            dumps.Add(new Dump(kind, i, Math.Min(next, i + MostLines)));
            next = i;
        }

        dumps.Reverse();
        return [.. dumps];
    }

    // Prefixes are taken off only where the line may be one: a log may have a million lines.
    private static Kind KindAt(int index, string line)
    {
        bool candidate = line.Contains(VmcsDump.Start, StringComparison.Ordinal) || line.Contains(VmcbDump.Start, StringComparison.Ordinal) ||
            line.Contains("EAX", StringComparison.Ordinal) || line.Contains("RAX", StringComparison.Ordinal);
        if (!candidate) return Kind.None;
        DumpLine parsed = DumpLine.Parse(index + 1, line);
        return parsed.Text.StartsWith(VmcsDump.Start, StringComparison.Ordinal) ? Kind.Vmcs
            : parsed.Text.StartsWith(VmcbDump.Start, StringComparison.Ordinal) ? Kind.Vmcb
            : QemuDump.Begins(parsed) ? Kind.Registers : Kind.None;
    }

    private static EntryDump LastWhole(string file, string[] lines, Dump[] dumps)
    {
        string? lastMissing = null;
        // A VMCS or VMCB has all that the processor looks at; registers have only what the guest sees.
        foreach (int i in Enumerable.Range(0, dumps.Length).OrderBy(i => dumps[i].Kind == Kind.Registers).ThenByDescending(i => i))
        {
            EntryDump read = Read(file, lines, dumps, i, out string? missing);
            if (missing is null) return read;
            if (i == dumps.Length - 1 || lastMissing is null) lastMissing = missing;
        }

        Dump last = dumps[^1];
        throw DumpErrors.CutOff(file, last.Start + 1, last.Kind switch { Kind.Vmcs => "VMCS", Kind.Vmcb => "VMCB", _ => "register" }, lastMissing!);
    }

    private static EntryDump Read(string file, string[] lines, Dump[] dumps, int index, out string? missing)
    {
        Dump dump = dumps[index];
        DumpLine[] own = Parse(lines, dump.Start, dump.End);
        string what = dump.Kind == Kind.Registers ? "one" : "VMCS or VMCB";
        ImmutableArray<string> remarks = dumps.Length == 1
            ? []
            : [$"The file has {dumps.Length} dumps; this is the last {what} that is whole, from line {dump.Start + 1} on."];
        int before = index > 0 ? dumps[index - 1].Start : 0;
        RunEnd? said = Announcement.Find(lines, before, dump.Start) ?? Announcement.Find(lines, dump.Start, dump.End);
        if (dump.Kind == Kind.Registers)
        {
            RegisterDump registers = QemuDump.Read(file, own, out missing);
            return registers.ToDump(dump.Start + 1, said ?? RunEnd.NotSaid, remarks);
        }

        (string format, EntryArea area, RunEnd end) = dump.Kind == Kind.Vmcs ? VmcsDump.Read(file, own, out missing) : VmcbDump.Read(file, own, out missing);
        // The area of an entry that ended in VMfailValid still has the exit before it: what the program printed is nearer to the truth.
        if (said?.Kind == RunEndKind.Refused && end.Kind != RunEndKind.Refused) end = said;
        return new EntryDump(format, dump.Start + 1, [new EntryTrial(null, area, [])], EntryEnvironment.Default, remarks) { End = end };
    }

    private static DumpLine[] Parse(string[] lines, int start, int end)
    {
        DumpLine[] parsed = new DumpLine[end - start];
        for (int i = 0; i < parsed.Length; i++) parsed[i] = DumpLine.Parse(start + i + 1, lines[start + i]);
        return parsed;
    }

    // One dump: its first line, and the line after its last, from 0.
    private readonly record struct Dump(Kind Kind, int Start, int End);
}
