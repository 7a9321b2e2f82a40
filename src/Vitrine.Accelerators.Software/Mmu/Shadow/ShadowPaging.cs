using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>
/// A shadow page table: a second set of tables that maps linear addresses straight to host memory, filled on demand from the guest's
/// tables. Here: the look-up, and the fault that fills what it misses. See docs/shadow-paging.md.
/// </summary>
internal sealed unsafe partial class ShadowPaging : AddressTranslator
{
    // SAFETY: page numbers come from the pool's Take and from links and lists, which Zap clears before a page is returned; indices are
    // masked to 9 bits; host addresses come from GuestPhysicalMemory, which checks them against the slots.
    private const int LevelBits = 9;
    private const int IndexMask = ShadowPagePool.EntriesPerPage - 1;
    private const int PrefetchGroup = 8;

    // The most that one fault takes into use: a page for each level.
    private const int PagesPerFault = 5;

    private readonly GuestPhysicalMemory _memory;
    private readonly CodeGuard _guard;
    private readonly Tlb _tlb;
    private readonly PageUses _uses;
    private bool _foundTable;
    private ShadowPagePool _pool;
    private SlotTracking[] _tracking = [];
    private SlotTracking? _lastTracking;
    private SlotView[] _trackedSlots = [];
    private ulong _faults;
    private ulong _fills;
    private ulong _pagesTaken;
    private ulong _syncs;
    private ulong _unsyncs;
    private ulong _trackedWrites;
    private ulong _zaps;
    private ulong _rootHits;
    private ulong _walks;
    private ulong _references;

    /// <summary>Creates an empty table.</summary>
    public ShadowPaging(GuestPhysicalMemory memory, CodeGuard guard, Tlb tlb, PageUses uses)
    {
        _uses = uses;
        _memory = memory;
        _guard = guard;
        _tlb = tlb;
        _pool = new ShadowPagePool(0);
    }

    /// <inheritdoc/>
    public override MmuMode Mode => MmuMode.Shadow;

    /// <inheritdoc/>
    public override int PagesInUse => _pool.InUse;

    /// <inheritdoc/>
    public override MmuCounters Counters => new()
    {
        Faults = _faults,
        Fills = _fills,
        Pages = _pagesTaken,
        Syncs = _syncs,
        Unsyncs = _unsyncs,
        TrackedWrites = _trackedWrites,
        Zaps = _zaps,
        RootHits = _rootHits,
        Walks = _walks,
        WalkReferences = _references,
    };

    /// <summary>Shadow pages that may be in use at once.</summary>
    internal int Quota => _pool.Capacity;

    /// <inheritdoc/>
    public override bool Translate(in PagingContext context, ulong linear, PageAccess access, out Translation translation)
    {
        if (context.Mode < PagingMode.FourLevel) linear = (uint)linear;
        int page = FindLeaf(in context, linear, out int index);
        if (page != 0)
        {
            PageRights rights = ShadowEntry.Rights(_pool.Entries(page)[index]);
            if (context.Permits(rights, access) && ((access & PageAccess.Write) == 0 || (rights & PageRights.Dirty) != 0))
            {
                Describe(page, index, linear, out translation);
                return true;
            }
        }

        return Fault(in context, linear, access, out translation);
    }

    /// <inheritdoc/>
    public override bool TryPeek(in PagingContext context, ulong linear, out Translation translation)
    {
        translation = default;
        int page = FindLeaf(in context, linear, out int index);
        if (page == 0) return false;
        Describe(page, index, linear, out translation);
        return true;
    }

    /// <summary>The shadow page that has the leaf of an address, and the leaf's index; 0 where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FindLeaf(in PagingContext context, ulong linear, out int index)
    {
        int page = RootPage(in context, linear);
        index = 0;
        for (int level = Root.Role.Level; page != 0; level--)
        {
            index = Index(linear, level);
            ulong entry = _pool.Entries(page)[index];
            _references++;
            if (entry == 0) return 0;
            if (level == 1) return page;
            page = ShadowEntry.Child(entry);
        }

        return 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Describe(int page, int index, ulong linear, out Translation translation)
    {
        ulong entry = _pool.Entries(page)[index];
        translation = default;
        translation.Gpa = _pool.MappedPage(page, index) | (linear & 0xFFF);
        translation.Rights = ShadowEntry.Rights(entry);
        translation.PageShift = _pool[page].Role is { Direct: true, PageShift: byte shift } ? shift : (byte)12;
        if ((entry & ShadowEntry.Device) != 0) return;
        translation.Host = (byte*)(entry & ShadowEntry.AddressMask);
        translation.ReadOnlySlot = (entry & ShadowEntry.ReadOnlySlot) != 0;
        translation.LogsWrites = (entry & ShadowEntry.Logged) != 0;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        Changes++;
        Array.Clear(_roots);
        ulong guestPages = GuestPages();
        bool keepsSlots = ReferenceEquals(_trackedSlots, _memory.Slots) && _pool.Capacity == ShadowPagePool.CapacityFor(guestPages);
        if (keepsSlots && (ulong)_pool.InUse * ShadowPagePool.EntriesPerPage < guestPages)
        {
            // Fewer entries than the guest has pages: what little there is goes by itself, as where a snapshot is put back thousands of times in a second.
            while (_pool.InUse != 0) Zap(_pool.Oldest);
            return;
        }

        _zaps += (ulong)_pool.InUse;
        if (!keepsSlots)
        {
            TakeSlots();
            return;
        }

        foreach (SlotTracking tracking in _tracking) tracking.Clear();
        _pool.Clear();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _pool.Dispose();
        foreach (SlotTracking tracking in _tracking) tracking.Dispose();
    }

    private static int Index(ulong linear, int level) => (int)(linear >> (12 + ((level - 1) * LevelBits))) & IndexMask;

    private static int EntryOf(int page, int index) => (page * ShadowPagePool.EntriesPerPage) + index;

    /// <summary>
    /// An entry is missing, or forbids what the guest may allow: the guest's own tables decide, and what they say is installed.
    /// </summary>
    private bool Fault(in PagingContext context, ulong linear, PageAccess access, out Translation translation)
    {
        _faults++;
        _walks++;
        do
        {
            _foundTable = false;
            translation = default;
            GuestPath path = default;
            GuestTables tables = new(_memory, _guard);
            if (!PageWalker.Walk(in context, ref tables, ref path, linear, access, out PageWalkResult result))
            {
                // A page fault ends what is cached for its address (SDM vol. 3, 4.10.4.1).
                InvalidatePage(in context, linear);
                translation.ErrorCode = result.ErrorCode;
                return false;
            }

            translation.Gpa = result.Gpa;
            translation.Rights = result.Rights;
            translation.PageShift = result.PageShift;
            translation.Place(_memory);
            MakeRoom(PagesPerFault);

            if (result.TableOutsideMemory || !TryInstall(in context, linear, in path, in result, in translation)) NoteUnshadowed(in translation);
        }
        while (_foundTable);
        return true;
    }

    /// <summary>
    /// The TLB gets a translation that is not in the table. It must not outlast a flush, since nothing would tell that it has changed;
    /// and when its page becomes a table, the reverse map will not tell of it.
    /// </summary>
    private void NoteUnshadowed(in Translation translation)
    {
        Changes++;
        if (translation.Host != null) FindTracking(translation.Gpa)![translation.Gpa].NoteStaleWriter(_tlb.Epoch);
    }

    /// <summary>Makes and links the shadow pages on the way, and installs the leaf.</summary>
    /// <returns>False when a table can't be shadowed.</returns>
    private bool TryInstall(in PagingContext context, ulong linear, in GuestPath path, in PageWalkResult result, in Translation translation)
    {
        int page = RootPage(in context, linear);
        for (int level = Root.Role.Level; page != 0; level--)
        {
            ref ShadowPage shadow = ref _pool[page];
            shadow.Writes = 0;
            int index = Index(linear, level);
            if (level == 1)
            {
                ulong guestEntry = shadow.Role.Direct ? 0 : path.Entry(1);
                SetLeaf(page, index, guestEntry, result.Rights, in translation);
                if (!shadow.Role.Direct) Prefetch(in context, page, index);
                return true;
            }

            // Beneath a large page, and without paging, there are no tables to follow any more.
            bool direct = shadow.Role.Direct || result.Level == level;
            ShadowRole role = direct
                ? ShadowRole.Beneath(level - 1, result.Rights, result.PageShift)
                : shadow.Role.Below(PageWalker.EntryRights(path.Entry(level)), linear);
            int covered = 12 + ((level - 1) * LevelBits);
            ulong frame = direct ? result.Gpa >> covered << (covered - 12) : path.Table(level - 1) >> 12;
            page = Link(in context, page, index, frame, in role);
        }

        return false;
    }

    /// <summary>The page below an entry: the one that is linked if it is the right one, else one found or made.</summary>
    private int Link(in PagingContext context, int page, int index, ulong frame, in ShadowRole role)
    {
        ref ulong entry = ref _pool.Entries(page)[index];
        if (entry != 0)
        {
            ref ShadowPage linked = ref _pool[ShadowEntry.Child(entry)];
            if (linked.Frame == frame && linked.Role == role) return ShadowEntry.Child(entry);
            Unlink(page, index);
        }

        int child = Obtain(in context, frame, in role, walked: true);
        if (child == 0) return 0;
        entry = ShadowEntry.Link(child);
        _pool.Insert(ref _pool[child].FirstParent, EntryOf(page, index));
        return child;
    }

    /// <summary>
    /// The shadow page of a guest table in a role, in step with the table: what it maps becomes visible at a place where no stale
    /// translation can have been cached.
    /// </summary>
    /// <param name="context">The paging context.</param>
    /// <param name="frame">The guest table, or what is mapped where there is none.</param>
    /// <param name="role">The role.</param>
    /// <param name="walked">A walk has read the table, and what it has read is about to be installed.</param>
    /// <returns>0 when the table can't be shadowed, or must be walked again first.</returns>
    private int Obtain(in PagingContext context, ulong frame, in ShadowRole role, bool walked)
    {
        int page = _pool.Find(frame, in role);
        if (page != 0)
        {
            SyncTree(in context, page);
            return page;
        }

        if (!role.Direct && FindTracking(frame << 12) is not { Aliased: false }) return 0;
        if (!role.Direct && IsNewTable(frame) && walked)
        {
            _foundTable = true;
            return 0;
        }

        page = _pool.Take(frame, in role);
        _pagesTaken++;
        if (!role.Direct) UpdateTracking(frame);
        return page;
    }

    /// <summary>
    /// Writes of a device to a table are told from the moment on when it is known as one; what a walk has read of it before may have been overwritten since. So the
    /// first walk that comes to it only makes it known, and a second one is made. A root is known before it is walked.
    /// </summary>
    private bool IsNewTable(ulong frame) => _uses.Note(_memory.HostFor(frame << 12, 0x1000, out _), PageUse.Table);

    /// <summary>Maps the page of an entry of level 1.</summary>
    private void SetLeaf(int page, int index, ulong guestEntry, PageRights rights, in Translation translation)
    {
        ref ulong entry = ref _pool.Entries(page)[index];
        ulong wanted = (ulong)translation.Host | ShadowEntry.From(rights) | ShadowEntry.Present |
            (translation.Host == null ? ShadowEntry.Device : 0) |
            (translation.ReadOnlySlot ? ShadowEntry.ReadOnlySlot : 0) |
            (translation.LogsWrites ? ShadowEntry.Logged : 0);
        // The same memory at another guest-physical address is another mapping: the lists go by guest pages.
        if (entry != 0 && ((entry ^ wanted) & ~ShadowEntry.RightsMask) == 0 && _pool.MappedPage(page, index) == (translation.Gpa & ~0xFFFUL))
        {
            SetRights(page, index, rights);
            _pool.Guest(page)[index] = guestEntry;
            return;
        }

        if (entry != 0) DropLeaf(page, index);
        entry = wanted;
        _pool.Guest(page)[index] = guestEntry;
        _fills++;
        if (IsWriter(wanted)) AddWriter(page, index);
    }

    /// <summary>
    /// Installs neighbours that the guest has used before: after a zap or a flush they will be wanted soon. They need no accessed
    /// bit set, and get no more rights than their own dirty bit allows.
    /// </summary>
    private void Prefetch(in PagingContext context, int page, int index)
    {
        ulong* entries = _pool.Entries(page);
        byte* table = GuestTable(page);
        bool shortEntries = _pool[page].Role.ShortEntries;
        int first = index & ~(PrefetchGroup - 1);
        for (int i = first; i < first + PrefetchGroup; i++)
        {
            if (entries[i] != 0) continue;
            ulong guestEntry = shortEntries ? ((uint*)table)[i] : ((ulong*)table)[i];
            if (!PageWalker.TryReadLeaf(in context, guestEntry, _pool[page].Role.Rights, out ulong gpa, out PageRights rights)) continue;
            Translation neighbour = default;
            neighbour.Gpa = gpa;
            neighbour.Place(_memory);
            if (neighbour.Host != null) SetLeaf(page, i, guestEntry, rights, in neighbour);
        }
    }

    /// <summary>Where the part of the guest's table begins that a page shadows.</summary>
    private byte* GuestTable(int page)
    {
        ref ShadowPage shadow = ref _pool[page];
        byte* table = _memory.HostFor(shadow.Frame << 12, 0x1000, out _);
        return shadow.Role.ShortEntries ? table + (shadow.Role.Quadrant * ShadowPagePool.EntriesPerPage * sizeof(uint)) : table;
    }
}
