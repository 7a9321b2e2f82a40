using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// For lockstep: no page is open to the writes of translated code until it asks, block by block, so that each page it writes to is known together with what
/// it held before.
/// </summary>
internal sealed unsafe class WriteWatch
{
    // SAFETY: entries are in the TLB's tables and pages in memory slots; both stay while the vCPU runs a block.
    // The first few are in use, the others wait to be used again.
    private readonly List<WatchedPage> _pages = [];
    private readonly List<(nint Entry, ulong Tag)> _open = [];

    /// <summary>How many pages were opened since <see cref="Forget"/>.</summary>
    public int Count { get; private set; }

    /// <summary>One of the pages that were opened since <see cref="Forget"/>.</summary>
    public WatchedPage this[int index] => _pages[index];

    /// <summary>Lets writes through a TLB entry from now on.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="tag">The tag that opens it.</param>
    /// <param name="host">Host address of its page.</param>
    /// <param name="gpa">Guest-physical address of its page.</param>
    public void Open(TlbEntry* entry, ulong tag, byte* host, ulong gpa)
    {
        if (Find(host) is null)
        {
            if (Count == _pages.Count) _pages.Add(new WatchedPage());
            _pages[Count++].Watch(host, gpa);
        }

        entry->WriteTag = tag;
        _open.Add(((nint)entry, tag));
    }

    /// <summary>The watched page at a host address; null when it was not opened.</summary>
    public WatchedPage? Find(byte* host)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_pages[i].Host == (nint)host) return _pages[i];
        }

        return null;
    }

    /// <summary>Takes every permission back. What the pages held is still known.</summary>
    public void Close()
    {
        foreach ((nint address, ulong tag) in _open)
        {
            TlbEntry* entry = (TlbEntry*)address;
            if (entry->WriteTag == tag) entry->WriteTag = 0;
        }

        _open.Clear();
    }

    /// <summary>Undoes every write since <see cref="Forget"/>.</summary>
    public void Undo()
    {
        for (int i = 0; i < Count; i++) _pages[i].Restore();
    }

    /// <summary>Forgets the pages.</summary>
    public void Forget() => Count = 0;
}
