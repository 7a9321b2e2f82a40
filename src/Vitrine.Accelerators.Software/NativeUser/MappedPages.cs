using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>Which guest pages a stub has mapped: found by their linear address, and by the host memory that they show.</summary>
internal sealed unsafe class MappedPages : IDisposable
{
    // SAFETY: chains and entries are indices into arrays of Capacity entries; host addresses are only compared.

    /// <summary>
    /// The most pages. A host gives a process 65,530 mappings (vm.max_map_count) and each page may be one; to take one out of the middle of another makes two of it.
    /// </summary>
    public const int Capacity = 30_000;

    private const int Buckets = 1 << 15;
    private const int None = 0;

    private readonly MappedPage* _pages = (MappedPage*)NativeMemory.AllocZeroed(Capacity + 1, (nuint)sizeof(MappedPage));
    private readonly int* _byLinear = (int*)NativeMemory.AllocZeroed(Buckets, sizeof(int));
    private readonly int* _byHost = (int*)NativeMemory.AllocZeroed(Buckets, sizeof(int));
    private int _free;
    private int _used;

    /// <summary>Pages that are mapped.</summary>
    public int Count { get; private set; }

    /// <summary>The page at a linear address; null where none is mapped.</summary>
    public MappedPage* Find(ulong linear)
    {
        for (int i = _byLinear[Hash(linear)]; i != None; i = _pages[i].NextOfLinear)
        {
            if (_pages[i].Linear == linear) return _pages + i;
        }

        return null;
    }

    /// <summary>The first page that shows a page of host memory; <see cref="Next(MappedPage*)"/> gives the others.</summary>
    public MappedPage* FindHost(byte* host) => Next(_byHost[Hash((ulong)host)], (ulong)host);

    /// <summary>The next page that shows the same host memory.</summary>
    public MappedPage* Next(MappedPage* page) => Next(page->NextOfHost, page->Host);

    /// <summary>Notes a page that was not mapped.</summary>
    /// <returns>Null when there are too many.</returns>
    public MappedPage* Add(ulong linear, byte* host)
    {
        int index = _free;
        if (index != None) _free = _pages[index].NextOfLinear;
        else if (_used < Capacity) index = ++_used;
        else return null;
        MappedPage* page = _pages + index;
        int* head = _byLinear + Hash(linear);
        int* hostHead = _byHost + Hash((ulong)host);
        *page = new MappedPage { Linear = linear, Host = (ulong)host, NextOfLinear = *head, NextOfHost = *hostHead };
        *head = *hostHead = index;
        Count++;
        return page;
    }

    /// <summary>Forgets a page.</summary>
    public void Remove(MappedPage* page)
    {
        int index = (int)(page - _pages);
        int* link = _byLinear + Hash(page->Linear);
        while (*link != index) link = &_pages[*link].NextOfLinear;
        *link = page->NextOfLinear;
        link = _byHost + Hash(page->Host);
        while (*link != index) link = &_pages[*link].NextOfHost;
        *link = page->NextOfHost;
        page->Linear = ulong.MaxValue;
        page->NextOfLinear = _free;
        _free = index;
        Count--;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        if (_used == 0) return;
        new Span<int>(_byLinear, Buckets).Clear();
        new Span<int>(_byHost, Buckets).Clear();
        _free = None;
        _used = 0;
        Count = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_pages);
        NativeMemory.Free(_byLinear);
        NativeMemory.Free(_byHost);
    }

    private MappedPage* Next(int index, ulong host)
    {
        while (index != None && _pages[index].Host != host) index = _pages[index].NextOfHost;
        return index == None ? null : _pages + index;
    }

    // Fibonacci hashing of the page's number.
    private static int Hash(ulong address) => (int)(((address >> 12) * 0x9E37_79B9_7F4A_7C15) >> 49);
}
