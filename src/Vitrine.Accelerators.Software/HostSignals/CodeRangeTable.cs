using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>
/// Ranges of emitted code, as a signal handler can read them: without a lock, whatever other threads do meanwhile. Chunks of ranges in
/// native memory, linked, never freed; there are as many as the most ranges that were there at a time needed.
/// <code>
///  0       next chunk; null in the last one
///  0x20    ranges: start, end, landing, record
/// </code>
/// </summary>
/// <remarks>
/// A reader loads a range's end, its start, and the end again. Ends that agree and aren't null enclose a range that was there at one of
/// these moments, or the start of one and the end of another. Neither holds the reader's own RIP unless it is the range of the code that it
/// came from, because that one was there all along, and no range overlaps another that is there at the same time.
/// </remarks>
internal sealed unsafe class CodeRangeTable
{
    // SAFETY: chunks are of ChunkBytes, zeroed, and live as long as the process.

    /// <summary>Size of a chunk in bytes.</summary>
    public const int ChunkBytes = 2048;

    /// <summary>Where the ranges of a chunk begin.</summary>
    public const int RangesAt = 32;

    private static readonly int s_rangesPerChunk = (ChunkBytes - RangesAt) / sizeof(CodeRange);

    private readonly Lock _lock = new();

    /// <summary>The first chunk.</summary>
    public byte* First { get; } = NewChunk();

    /// <summary>Adds a range.</summary>
    /// <returns>Its place, for <see cref="Remove"/>.</returns>
    public CodeRange* Add(in CodeRange range)
    {
        lock (_lock)
        {
            CodeRange* free = FindFree();
            free->Start = range.Start;
            free->Landing = range.Landing;
            free->Record = range.Record;
            Volatile.Write(ref *(nint*)&free->End, (nint)range.End);
            return free;
        }
    }

    /// <summary>Removes a range, whose code nobody executes any more.</summary>
    public void Remove(CodeRange* range)
    {
        lock (_lock) Volatile.Write(ref *(nint*)&range->End, 0);
    }

    private CodeRange* FindFree()
    {
        byte* chunk = First;
        while (true)
        {
            CodeRange* ranges = (CodeRange*)(chunk + RangesAt);
            for (int i = 0; i < s_rangesPerChunk; i++)
            {
                if (ranges[i].End == null) return ranges + i;
            }

            byte* next = *(byte**)chunk;
            if (next == null)
            {
                next = NewChunk();
                Volatile.Write(ref *(nint*)chunk, (nint)next);
            }

            chunk = next;
        }
    }

    private static byte* NewChunk() => (byte*)NativeMemory.AllocZeroed(ChunkBytes);
}
