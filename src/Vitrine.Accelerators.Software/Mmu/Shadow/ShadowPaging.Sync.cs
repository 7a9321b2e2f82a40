using System.Numerics;
using System.Runtime.Intrinsics;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <content>Keeping in step with the guest's tables: tracked writes, tables that may go out of step, and comparing them again.</content>
internal sealed unsafe partial class ShadowPaging
{
    // A table that is written this often without being used is probably no table any more.
    private const int FloodLimit = 3;

    // More mappings than this of one guest page: dropping the TLB is cheaper than looking for each.
    private const int LongList = 64;

    /// <inheritdoc/>
    public override bool IsTracked(ulong gpa) => FindTracking(gpa) is { } tracking && tracking[gpa].Tracked;

    /// <inheritdoc/>
    public override void OnWrite(ulong gpa, int size)
    {
        if (!IsTracked(gpa)) return;
        _trackedWrites++;
        ulong frame = gpa >> 12;
        bool upper = IsUpperTable(frame);
        for (int page = _pool.FirstAt(frame), next; page != 0; page = next)
        {
            ref ShadowPage shadow = ref _pool[page];
            next = shadow.HashNext;
            if (shadow.Frame != frame || shadow.Role.Direct || shadow.Unsync) continue;

            // A table of the last level that is nothing else may go out of step; all others are kept in step by each write.
            if (upper) ZapWritten(page, (int)gpa & 0xFFF, size);
            else MarkUnsync(page);
        }

        UpdateTracking(frame);
    }

    private bool IsUpperTable(ulong frame)
    {
        for (int page = _pool.FirstAt(frame); page != 0; page = _pool[page].HashNext)
        {
            if (_pool[page].Frame == frame && !_pool[page].Role.Direct && _pool[page].Role.Level > 1) return true;
        }

        return false;
    }

    /// <summary>Drops what follows from the guest entries in a range of bytes; the whole page when it is no longer used as a table.</summary>
    private void ZapWritten(int page, int offset, int size)
    {
        ref ShadowPage shadow = ref _pool[page];
        int entrySize = shadow.Role.ShortEntries ? 4 : 8;
        bool misaligned = size < 4 || (offset & (Math.Min(size, entrySize) - 1)) != 0;
        if (misaligned || ++shadow.Writes >= FloodLimit)
        {
            Zap(page);
            return;
        }

        int first = offset / entrySize;
        int last = (offset + size - 1) / entrySize;
        if (shadow.Role.ShortEntries)
        {
            // Of 1024 entries a page of level 1 shadows half, one of level 2 a quarter, each by two entries of its own.
            int each = shadow.Role.Level == 2 ? 2 : 1;
            int start = shadow.Role.Quadrant * (ShadowPagePool.EntriesPerPage / each);
            last = ((last - start) * each) + each - 1;
            first = (first - start) * each;
        }

        for (int i = Math.Max(first, 0); i <= Math.Min(last, ShadowPagePool.EntriesPerPage - 1); i++) Drop(page, i);
    }

    private void MarkUnsync(int page)
    {
        _unsyncs++;
        _pool[page].Unsync = true;
        MarkParents(page);
    }

    private void MarkParents(int page)
    {
        for (int entry = _pool[page].FirstParent; entry != 0; entry = _pool.Next(entry))
        {
            int parent = entry / ShadowPagePool.EntriesPerPage;
            int index = entry & IndexMask;
            ref ShadowPage shadow = ref _pool[parent];
            ref ulong bits = ref shadow.UnsyncBits[index >> 6];
            if ((bits & (1UL << index)) != 0) continue;
            bits |= 1UL << index;
            if (shadow.UnsyncChildren++ == 0) MarkParents(parent);
        }
    }

    /// <summary>Brings everything below a page, and the page itself, in step.</summary>
    private void SyncTree(in PagingContext context, int page)
    {
        ref ShadowPage shadow = ref _pool[page];
        if (shadow.Unsync) SyncPage(in context, page);
        if (shadow.UnsyncChildren == 0) return;
        for (int word = 0; word < 8; word++)
        {
            while (shadow.UnsyncBits[word] != 0)
            {
                int bit = BitOperations.TrailingZeroCount(shadow.UnsyncBits[word]);
                shadow.UnsyncBits[word] &= shadow.UnsyncBits[word] - 1;
                ulong entry = _pool.Entries(page)[(word * 64) + bit];
                if (entry != 0) SyncTree(in context, ShadowEntry.Child(entry));
            }
        }

        shadow.UnsyncChildren = 0;
    }

    private void SyncPage(in PagingContext context, int page)
    {
        _syncs++;
        _pool[page].Unsync = false;
        if (_pool[page].Role.ShortEntries)
        {
            for (int i = 0; i < ShadowPagePool.EntriesPerPage; i++) SyncEntry(in context, page, i);
        }
        else
        {
            SyncChanged(in context, page);
        }

        UpdateTracking(_pool[page].Frame);
    }

    /// <summary>Compares the entries of level 1 with the guest's, most of which have not changed, four at a time.</summary>
    private void SyncChanged(in PagingContext context, int page)
    {
        ulong* entries = _pool.Entries(page);
        ulong* before = _pool.Guest(page);
        ulong* now = (ulong*)GuestTable(page);
        for (int i = 0; i < ShadowPagePool.EntriesPerPage; i += Vector256<ulong>.Count)
        {
            if (Vector256.Load(entries + i) == Vector256<ulong>.Zero || Vector256.Load(now + i) == Vector256.Load(before + i)) continue;
            for (int each = 0; each < Vector256<ulong>.Count; each++) SyncEntry(in context, page, i + each);
        }
    }

    /// <summary>Compares an entry of level 1 with the guest's. What maps another page, or nothing, goes; rights are followed.</summary>
    private void SyncEntry(in PagingContext context, int page, int index)
    {
        ulong entry = _pool.Entries(page)[index];
        if (entry == 0) return;
        ref ShadowPage shadow = ref _pool[page];
        byte* table = GuestTable(page);
        ulong now = shadow.Role.ShortEntries ? ((uint*)table)[index] : ((ulong*)table)[index];
        ref ulong before = ref _pool.Guest(page)[index];
        if (now == before) return;
        if (PageWalker.TryReadLeaf(in context, now, shadow.Role.Rights, out ulong gpa, out PageRights rights) && gpa == _pool.MappedPage(page, index))
        {
            before = now;
            SetRights(page, index, rights);
        }
        else
        {
            DropLeaf(page, index);
        }
    }

    /// <summary>Gives a present entry of level 1 other rights.</summary>
    private void SetRights(int page, int index, PageRights rights)
    {
        ref ulong entry = ref _pool.Entries(page)[index];
        ulong before = entry;
        entry = (before & ~ShadowEntry.RightsMask) | ShadowEntry.From(rights);

        // Another key may allow less, whichever its bits are.
        if ((before & ~entry) != 0 || ((before ^ entry) & ShadowEntry.KeyMask) != 0) Changes++;
        if (IsWriter(before) == IsWriter(entry)) return;
        if (IsWriter(entry)) AddWriter(page, index);
        else RemoveWriter(page, index);
    }

    private void Drop(int page, int index)
    {
        if (_pool.Entries(page)[index] == 0) return;
        if (_pool[page].Role.Level > 1) Unlink(page, index);
        else DropLeaf(page, index);
    }

    private void Unlink(int page, int index)
    {
        ref ulong entry = ref _pool.Entries(page)[index];
        _pool.Remove(ref _pool[ShadowEntry.Child(entry)].FirstParent, EntryOf(page, index));
        entry = 0;
        Changes++;
        ref ShadowPage shadow = ref _pool[page];
        ref ulong bits = ref shadow.UnsyncBits[index >> 6];
        if ((bits & (1UL << index)) == 0) return;
        bits &= ~(1UL << index);
        shadow.UnsyncChildren--;
    }

    private void DropLeaf(int page, int index)
    {
        ref ulong entry = ref _pool.Entries(page)[index];
        if (IsWriter(entry)) RemoveWriter(page, index);
        entry = 0;
        Changes++;
    }

    /// <summary>Throws a shadow page away.</summary>
    private void Zap(int page)
    {
        ref ShadowPage shadow = ref _pool[page];
        while (shadow.FirstParent != 0) Unlink(shadow.FirstParent / ShadowPagePool.EntriesPerPage, shadow.FirstParent & IndexMask);
        for (int i = 0; i < ShadowPagePool.EntriesPerPage; i++) Drop(page, i);
        foreach (ref ShadowRoot root in _roots.AsSpan())
        {
            for (int i = 0; i < 4; i++)
            {
                if (root.Pages[i] == page) root.Pages[i] = 0;
            }
        }

        _pool.Return(page);
        _zaps++;
        Changes++;
        if (!shadow.Role.Direct) UpdateTracking(shadow.Frame);
    }

    /// <summary>Zaps the oldest pages until some are available. Those of the present root stay: a walk may stand on one.</summary>
    private void MakeRoom(int pages)
    {
        int page = _pool.Oldest;
        while (_pool.Available < pages)
        {
            int younger = _pool[page].Younger;
            if (!IsPresentRoot(page)) Zap(page);
            page = younger;
        }
    }

    private bool IsPresentRoot(int page)
    {
        for (int i = 0; i < 4; i++)
        {
            if (Root.Pages[i] == page) return true;
        }

        return false;
    }

    /// <summary>A TLB that is filled from the entry may hold the page writable.</summary>
    private static bool IsWriter(ulong entry) => (entry & (ShadowEntry.Dirty | ShadowEntry.Device)) == ShadowEntry.Dirty;

    private void AddWriter(int page, int index)
    {
        ulong gpa = _pool.MappedPage(page, index);
        _pool.Insert(ref FindTracking(gpa)![gpa].FirstWriter, EntryOf(page, index));
    }

    private void RemoveWriter(int page, int index)
    {
        ulong gpa = _pool.MappedPage(page, index);
        ref SlotTracking.PageState state = ref FindTracking(gpa)![gpa];
        _pool.Remove(ref state.FirstWriter, EntryOf(page, index));
        state.NoteStaleWriter(_tlb.Epoch);
    }

    /// <summary>
    /// Follows what shadow pages a guest page has: while one of them is to be kept in step, no TLB entry may allow writes to the page.
    /// </summary>
    private void UpdateTracking(ulong frame)
    {
        ulong gpa = frame << 12;
        bool tracked = false;
        for (int page = _pool.FirstAt(frame); page != 0 && !tracked; page = _pool[page].HashNext)
            tracked = _pool[page].Frame == frame && !_pool[page].Role.Direct && !_pool[page].Unsync;
        ref SlotTracking.PageState state = ref FindTracking(gpa)![gpa];
        bool closes = tracked && !state.Tracked;
        state.Tracked = tracked;
        if (!closes) return;
        if (state.HasStaleWriter(_tlb.Epoch))
        {
            DropTlb();
            return;
        }

        int count = 0;
        for (int entry = state.FirstWriter; entry != 0; entry = _pool.Next(entry))
        {
            if (++count > LongList)
            {
                DropTlb();
                return;
            }

            _tlb.ForbidWrites(entry & IndexMask, gpa);
        }
    }

    private SlotTracking? FindTracking(ulong gpa)
    {
        SlotTracking? last = _lastTracking;
        if (last is not null && gpa - last.Start < last.Size) return last;
        foreach (SlotTracking candidate in _tracking)
        {
            if (gpa - candidate.Start < candidate.Size) return _lastTracking = candidate;
        }

        return null;
    }
}
