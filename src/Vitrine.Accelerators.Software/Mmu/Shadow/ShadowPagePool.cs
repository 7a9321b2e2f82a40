using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>
/// The memory of shadow pages: as many as a quota allows, found by guest page, kept in order of age. Each page has 512 entries, the
/// guest's entries as they were last read, and for each entry its place in a list: an entry that links to a page is in the list of that
/// page's parents, one that maps a page writable is in the list of the guest page's <see cref="SlotTracking"/>.
/// </summary>
internal sealed unsafe class ShadowPagePool : IDisposable
{
    // SAFETY: numbers are 1 to Capacity and indices 0 to 511 throughout; the arrays are sized for that and live as long as this object.
    /// <summary>Entries of a shadow page.</summary>
    public const int EntriesPerPage = 512;

    private const int MinimumPages = 64;
    private const int MaximumPages = 1 << 14;
    private const ulong PagesPerShadowPage = 50;
    private const int BytesPerPage = EntriesPerPage * ((2 * sizeof(ulong)) + (2 * sizeof(int)));
    private const int BucketCount = 1 << 12;

    private readonly ShadowPage* _pages;
    private readonly byte* _tables;
    private readonly int* _buckets;
    private int _untouched = 1;
    private int _free;
    private int _oldest;
    private int _youngest;

    /// <summary>Reserves memory; the host commits it as pages are taken.</summary>
    /// <param name="guestPages">4-KiB pages in all slots.</param>
    public ShadowPagePool(ulong guestPages)
    {
        Capacity = CapacityFor(guestPages);
        _pages = (ShadowPage*)NativeMemory.AllocZeroed((nuint)(Capacity + 1), (nuint)sizeof(ShadowPage));
        _tables = (byte*)NativeMemory.AlignedAlloc((nuint)(Capacity + 1) * BytesPerPage, 4096);
        _buckets = (int*)NativeMemory.AllocZeroed(BucketCount, sizeof(int));
    }

    /// <summary>The quota, as KVM's: a fiftieth of the guest's pages, at least 64. At most 16384, which is 192 MiB.</summary>
    public int Capacity { get; }

    /// <summary><see cref="Capacity"/> for so many 4-KiB pages in all slots.</summary>
    public static int CapacityFor(ulong guestPages) => (int)Math.Clamp(guestPages / PagesPerShadowPage, MinimumPages, MaximumPages);

    /// <summary>Pages in use.</summary>
    public int InUse { get; private set; }

    /// <summary>Pages that can still be taken.</summary>
    public int Available => Capacity - InUse;

    /// <summary>The page that was taken into use first.</summary>
    public int Oldest => _oldest;

    /// <summary>A page.</summary>
    public ref ShadowPage this[int page] => ref _pages[page];

    /// <summary>The entries of a page.</summary>
    public ulong* Entries(int page) => (ulong*)(_tables + ((nint)page * BytesPerPage));

    /// <summary>The guest's entries of a page, where a shadow entry of level 1 is present.</summary>
    public ulong* Guest(int page) => Entries(page) + EntriesPerPage;

    /// <summary>The entry behind one in its list.</summary>
    public ref int Next(int entry) => ref Lists(entry / EntriesPerPage)[entry % EntriesPerPage];

    /// <summary>Guest-physical page of a present entry of level 1.</summary>
    public ulong MappedPage(int page, int index) =>
        _pages[page].Role.Direct ? (_pages[page].Frame + (ulong)index) << 12 : Guest(page)[index] & 0x000F_FFFF_FFFF_F000;

    /// <summary>The page for a guest page in a role, or 0.</summary>
    public int Find(ulong frame, in ShadowRole role)
    {
        for (int page = FirstAt(frame); page != 0; page = _pages[page].HashNext)
        {
            if (_pages[page].Frame == frame && _pages[page].Role == role) return page;
        }

        return 0;
    }

    /// <summary>The first page of the bucket of a guest page; those that follow in <see cref="ShadowPage.HashNext"/> may be of others.</summary>
    public int FirstAt(ulong frame) => _buckets[Bucket(frame)];

    /// <summary>Takes a page into use, all entries absent. There must be one available.</summary>
    public int Take(ulong frame, in ShadowRole role)
    {
        int page = _free;
        if (page != 0) _free = _pages[page].HashNext;
        else page = _untouched++;
        InUse++;
        NativeMemory.Clear(Entries(page), EntriesPerPage * sizeof(ulong));
        int* bucket = _buckets + Bucket(frame);
        _pages[page] = new ShadowPage { Frame = frame, Role = role, HashNext = *bucket, Older = _youngest, Used = true };
        *bucket = page;
        if (_youngest != 0) _pages[_youngest].Younger = page;
        else _oldest = page;
        _youngest = page;
        return page;
    }

    /// <summary>Gives a page back. Its entries are in no list any more.</summary>
    public void Return(int page)
    {
        ref ShadowPage gone = ref _pages[page];
        int* link = _buckets + Bucket(gone.Frame);
        while (*link != page) link = &_pages[*link].HashNext;
        *link = gone.HashNext;
        if (gone.Older != 0) _pages[gone.Older].Younger = gone.Younger;
        else _oldest = gone.Younger;
        if (gone.Younger != 0) _pages[gone.Younger].Older = gone.Older;
        else _youngest = gone.Older;
        gone.Used = false;
        gone.HashNext = _free;
        _free = page;
        InUse--;
    }

    /// <summary>Gives all pages back, whatever lists their entries are in.</summary>
    public void Clear()
    {
        NativeMemory.Clear(_buckets, BucketCount * sizeof(int));
        _untouched = 1;
        _free = _oldest = _youngest = InUse = 0;
    }

    /// <summary>Puts an entry into a list.</summary>
    public void Insert(ref int first, int entry)
    {
        Next(entry) = first;
        Previous(entry) = 0;
        if (first != 0) Previous(first) = entry;
        first = entry;
    }

    /// <summary>Takes an entry out of a list.</summary>
    public void Remove(ref int first, int entry)
    {
        int next = Next(entry);
        int previous = Previous(entry);
        if (previous != 0) Next(previous) = next;
        else first = next;
        if (next != 0) Previous(next) = previous;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_pages);
        NativeMemory.AlignedFree(_tables);
        NativeMemory.Free(_buckets);
    }

    private static int Bucket(ulong frame) => (int)((frame * 0x9E37_79B9_7F4A_7C15) >> 52);

    private int* Lists(int page) => (int*)(Guest(page) + EntriesPerPage);

    private ref int Previous(int entry) => ref Lists(entry / EntriesPerPage)[EntriesPerPage + (entry % EntriesPerPage)];
}
