namespace Vitrine.Disks.Overlay;

/// <summary>
/// A bit for each block of a disk: whether the overlay holds it. Bits are only ever set; memory is taken for the parts of the disk where
/// one is. Any thread may ask
/// and set; one at a time makes it longer.
/// </summary>
internal sealed class BlockMap
{
    private const int BitsPerWordShift = 6;
    private const int BlocksPerPageShift = 15;
    private const int WordsPerPage = 1 << (BlocksPerPageShift - BitsPerWordShift);

    private readonly Lock _sync = new();
    private ulong[]?[] _pages = [];

    /// <summary>Makes room for so many blocks.</summary>
    public void Extend(long blocks)
    {
        long pages = (blocks + (1L << BlocksPerPageShift) - 1) >> BlocksPerPageShift;
        ulong[]?[] longer = new ulong[]?[pages];
        lock (_sync)
        {
            _pages.CopyTo(longer, 0);
            Volatile.Write(ref _pages, longer);
        }
    }

    /// <summary>Whether a block is held, and how many from it on are alike.</summary>
    /// <param name="first">The block.</param>
    /// <param name="end">The block before which to stop.</param>
    /// <param name="run">Blocks alike.</param>
    public bool Holds(long first, long end, out long run)
    {
        bool held = Holds(first);
        long next = first + 1;
        ulong[]?[] pages = Volatile.Read(ref _pages);
        while (next < end)
        {
            ulong[]? page = Volatile.Read(ref pages[next >> BlocksPerPageShift]);
            if (page is null)
            {
                if (held) break;
                next = ((next >> BlocksPerPageShift) + 1) << BlocksPerPageShift;
            }
            else if (IsSet(page, next) == held)
            {
                next++;
            }
            else
            {
                break;
            }
        }

        run = Math.Min(next, end) - first;
        return held;
    }

    /// <summary>Says that blocks are held from now on.</summary>
    /// <param name="first">The first block.</param>
    /// <param name="end">The block after the last.</param>
    public void Set(long first, long end)
    {
        for (; first < end; first++)
        {
            ulong[] page = Page(first >> BlocksPerPageShift);
            Interlocked.Or(ref page[Word(first)], 1UL << (int)(first & 63));
        }
    }

    private static int Word(long block) => (int)(block >> BitsPerWordShift) & (WordsPerPage - 1);

    private static bool IsSet(ulong[] page, long block) => (Volatile.Read(ref page[Word(block)]) >> (int)(block & 63) & 1) != 0;

    private bool Holds(long block) => Volatile.Read(ref Volatile.Read(ref _pages)[block >> BlocksPerPageShift]) is { } page && IsSet(page, block);

    private ulong[] Page(long index)
    {
        if (Volatile.Read(ref Volatile.Read(ref _pages)[index]) is { } present) return present;

        // Not into an array that is just being copied to a longer one.
        lock (_sync) return _pages[index] ??= new ulong[WordsPerPage];
    }
}
