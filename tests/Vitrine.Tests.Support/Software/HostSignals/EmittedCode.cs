using System.Globalization;

namespace Vitrine.Tests.Software.HostSignals;

/// <summary>
/// The machine code that a process has emitted, seen from outside: through /proc, in the views that can be written. So a test breaks code of a running
/// program, which has no seam for that.
/// </summary>
internal sealed class EmittedCode
{
    // Of each code memory, which is sparse, the part that is filled first.
    private const int Searched = 1 << 20;

    private readonly string _memory;
    private readonly List<(long Start, int Length)> _views = [];

    /// <summary>Finds the code of a process.</summary>
    /// <param name="process">Its id.</param>
    /// <param name="executable">An address of the code memory that is meant; null for all of them.</param>
    public EmittedCode(int process, nint? executable = null)
    {
        _memory = $"/proc/{process}/mem";
        List<string[]> mappings =
        [
            .. File.ReadLines($"/proc/{process}/maps").Where(line => line.Contains("vitrine-code", StringComparison.Ordinal))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)),
        ];
        const int Inode = 4;
        string? file = executable is { } address ? mappings.Single(fields => Contains(fields[0], address))[Inode] : null;
        foreach (string[] fields in mappings.Where(fields => fields[1].StartsWith("rw", StringComparison.Ordinal) && (file ?? fields[Inode]) == fields[Inode]))
        {
            (long start, long end) = Bounds(fields[0]);
            _views.Add((start, (int)Math.Min(end - start, Searched)));
        }
    }

    /// <summary>Writes over code.</summary>
    /// <param name="found">Where it begins: bytes that are there once.</param>
    /// <param name="code">What is written.</param>
    public void Replace(ReadOnlySpan<byte> found, ReadOnlySpan<byte> code)
    {
        using FileStream memory = new(_memory, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        foreach ((long start, int length) in _views)
        {
            byte[] bytes = new byte[length];
            try
            {
                memory.Position = start;
                memory.ReadExactly(bytes);
            }
            catch (IOException)
            {
                // A machine of another test, which has come to its end meanwhile.
                continue;
            }

            int place = bytes.AsSpan().IndexOf(found);
            if (place < 0) continue;
            memory.Position = start + place;
            memory.Write(code);
            return;
        }

        throw new InvalidOperationException($"No code holds {Convert.ToHexString(found)}.");
    }

    private static bool Contains(string range, nint address)
    {
        (long start, long end) = Bounds(range);
        return address >= start && address < end;
    }

    private static (long Start, long End) Bounds(string range)
    {
        string[] bounds = range.Split('-');
        return (long.Parse(bounds[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), long.Parse(bounds[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
