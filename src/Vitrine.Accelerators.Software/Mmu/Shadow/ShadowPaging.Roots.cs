using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <content>Roots: which one is in use, which are remembered, and what a CR3 load does.</content>
internal sealed unsafe partial class ShadowPaging
{
    // The present one and those before it. KVM has 4 altogether; Linux uses 6 PCIDs on each processor, or 12 with page-table isolation.
    private const int RootCount = 8;

    private readonly ShadowRoot[] _roots = new ShadowRoot[RootCount];
    private int _current;
    private ulong _loads;

    // Of the guest's entries when it last used paging; null before it ever has.
    private bool? _shortEntries;

    /// <summary>How often anything was taken out of the table, or lost a right.</summary>
    private ulong Changes { get; set; }

    private ref ShadowRoot Root => ref _roots[_current];

    /// <inheritdoc/>
    public override void LoadRoot(in PagingContext context, uint pcid, bool pcidsEnabled, bool keep)
    {
        if (!keep) MustSync(pcid);
        SelectRoot(in context, pcid);
        ref ShadowRoot root = ref Root;
        if (root.MustSync)
        {
            for (int i = 0; i < 4; i++)
            {
                if (root.Pages[i] != 0) SyncTree(in context, root.Pages[i]);
            }

            root.MustSync = false;

            // Under its old tag the TLB holds nothing but what was in the table then: when nothing has left it, that is right still.
            if (root.Changes != Changes) root.Stamp = 0;
        }

        if (_tlb.TryResume(root.Stamp)) return;
        _tlb.NewTag(_current);
        NoteTag();
    }

    /// <inheritdoc/>
    public override void FlushAll(in PagingContext context, uint pcid)
    {
        FollowEntrySize(context.Mode);

        // Pages are found again when they are needed, and synced then.
        Array.Clear(_roots);
        SelectRoot(in context, pcid);
        DropTlb();
    }

    /// <inheritdoc/>
    public override void InvalidatePcid(uint pcid) => MustSync(pcid);

    /// <summary>
    /// INVLPG ends global translations under every PCID, so the address is compared in every remembered root, as KVM does. Upper levels
    /// are in step always; only what an unsync table maps may differ.
    /// </summary>
    public override void InvalidatePage(in PagingContext context, ulong linear)
    {
        if (context.Mode < PagingMode.FourLevel) linear = (uint)linear;
        for (int i = 0; i < RootCount; i++)
        {
            // All that are in use have the present role: what changes it flushes everything, and no root outlasts that.
            ref ShadowRoot root = ref _roots[i];
            if (root.Role == default || root.MustSync) continue;
            int page = root.Pages[Quarter(in root, linear)];
            int level = root.Role.Level;
            for (; page != 0 && level > 1; level--) page = ShadowEntry.Child(_pool.Entries(page)[Index(linear, level)]);
            if (page != 0 && _pool[page].Unsync) SyncEntry(in context, page, Index(linear, 1));
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ShadowStep> InspectShadow(in PagingContext context, ulong linear)
    {
        if (context.Mode < PagingMode.FourLevel) linear = (uint)linear;
        List<ShadowStep> steps = [];
        int quarter = Quarter(in Root, linear);
        int page = Root.Pages[quarter];
        if (page == 0 && TryPlaceRoot(in context, quarter, out ulong frame, out ShadowRole role)) page = _pool.Find(frame, in role);
        while (page != 0)
        {
            ref ShadowPage shadow = ref _pool[page];
            int level = shadow.Role.Level;
            int index = Index(linear, level);
            ulong entry = _pool.Entries(page)[index];
            bool present = entry != 0;
            int child = level > 1 ? ShadowEntry.Child(entry) : 0;
            PageRights rights = level > 1 ? _pool[child].Role.Rights : ShadowEntry.Rights(entry);
            steps.Add(new ShadowStep(
                level,
                page,
                shadow.Frame << 12,
                shadow.Role.ToString(),
                index,
                present,
                level > 1 ? (ulong)child : entry & ShadowEntry.AddressMask,
                present ? ShadowRole.Letters(rights) : "-",
                shadow.Unsync));
            page = child;
        }

        return steps;
    }

    private static int Quarter(in ShadowRoot root, ulong linear) => root.Role.Level == 2 ? (int)(linear >> 30) & 3 : 0;

    private void MustSync(uint pcid)
    {
        foreach (ref ShadowRoot root in _roots.AsSpan())
        {
            if (root.Pcid == pcid) root.MustSync = true;
        }
    }

    /// <summary>
    /// Accessed and dirty bits that a walk sets are not tracked, because they only add what a shadow entry may rely on. In an odd entry of 4
    /// bytes they are address bits of an entry of 8: what was made for the one size doesn't outlast walks with the other.
    /// </summary>
    private void FollowEntrySize(PagingMode mode)
    {
        bool shortEntries = mode == PagingMode.Bits32;
        if (mode == PagingMode.None || shortEntries == _shortEntries) return;
        bool changed = _shortEntries is not null;
        _shortEntries = shortEntries;
        if (changed && _pool.InUse != 0) Reset();
    }

    private void SelectRoot(in PagingContext context, uint pcid)
    {
        ulong table = context.Mode switch
        {
            PagingMode.None => 0,
            PagingMode.Pae => context.Cr3 & 0xFFFF_FFE0,
            PagingMode.Bits32 => context.Cr3 & 0xFFFF_F000,
            _ => context.Cr3 & ~0xFFFUL & ~Cr3.Masking,
        };
        ulong masking = context.Mode >= PagingMode.FourLevel ? context.Cr3 & Cr3.Masking : 0;
        ShadowRole role = ShadowRole.Root(in context);
        int oldest = 0;
        for (int i = 0; i < RootCount; i++)
        {
            ref ShadowRoot root = ref _roots[i];
            if (root.Base == table && root.Pcid == pcid && root.Role == role && root.Masking == masking && HasPointers(in root, in context))
            {
                _rootHits++;
                root.LastUse = ++_loads;
                _current = i;
                return;
            }

            if (root.LastUse < _roots[oldest].LastUse) oldest = i;
        }

        _current = oldest;
        _roots[oldest] = new ShadowRoot { Base = table, Masking = masking, Pcid = pcid, Role = role, LastUse = ++_loads };
        for (int i = 0; i < PdpteRegisters.Count; i++) _roots[oldest].Pointers[i] = context.Pdpte(i);
    }

    private static bool HasPointers(in ShadowRoot root, in PagingContext context)
    {
        if (context.Mode != PagingMode.Pae) return true;
        for (int i = 0; i < PdpteRegisters.Count; i++)
        {
            if (root.Pointers[i] != context.Pdpte(i)) return false;
        }

        return true;
    }

    /// <summary>The first shadow page for an address, found or made; 0 when there can't be one.</summary>
    private int RootPage(in PagingContext context, ulong linear)
    {
        int quarter = Quarter(in Root, linear);
        int page = Root.Pages[quarter];
        if (page != 0 || !TryPlaceRoot(in context, quarter, out ulong frame, out ShadowRole role)) return page;
        MakeRoom(1);
        return Root.Pages[quarter] = Obtain(in context, frame, in role, walked: false);
    }

    private bool TryPlaceRoot(in PagingContext context, int quarter, out ulong frame, out ShadowRole role)
    {
        const int FramesPerQuarter = 1 << 18;
        role = Root.Role;
        frame = Root.Base >> 12;
        switch (context.Mode)
        {
            case PagingMode.None:
                frame = (ulong)quarter * FramesPerQuarter;
                return true;
            case PagingMode.Bits32:
                role = role with { Quadrant = (byte)quarter };
                return true;
            case PagingMode.Pae:
                ulong pointer = context.Pdpte(quarter);
                frame = (pointer & ((1UL << context.MaxPhyAddr) - 1)) >> 12;
                return (pointer & 1) != 0;
            default:
                return true;
        }
    }

    /// <summary>The TLB gives up everything: what it may hold is no longer known.</summary>
    private void DropTlb()
    {
        _tlb.DropAll();
        NoteTag();
    }

    private void NoteTag()
    {
        Root.Stamp = _tlb.Stamp;
        Root.Changes = Changes;
    }
}
