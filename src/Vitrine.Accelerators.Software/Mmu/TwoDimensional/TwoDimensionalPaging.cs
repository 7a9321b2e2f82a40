using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>
/// Two dimensions, as with EPT and NPT: the guest's tables are walked at every TLB miss, and each guest-physical address on the way
/// goes through the second-level table. Nothing has to be kept in step with the guest's tables, so nothing is tracked.
/// </summary>
internal sealed unsafe class TwoDimensionalPaging(GuestPhysicalMemory memory, CodeGuard guard, Tlb tlb) : AddressTranslator
{
    // SAFETY: host addresses come from second-level leaves, which lie inside slots.
    private const PageRights AllRights = PageRights.Writable | PageRights.User | PageRights.Executable;

    private readonly SecondLevelTable _secondLevel = new(memory);
    private readonly StructureCache _structures = new();

    // By PCID, the TLB tag; 0 has none.
    private readonly ulong[] _stamps = new ulong[4096];

    // And the bits of linear-address masking that CR3 had: under the tag the TLB finds pointers with metadata.
    private readonly ulong[] _masking = new ulong[4096];
    private ulong _walks;
    private ulong _guestReferences;
    private ulong _structureHits;
    private ulong _zaps;
    private ulong _fillsAtZap;

    /// <inheritdoc/>
    public override MmuMode Mode => MmuMode.TwoDimensional;

    /// <inheritdoc/>
    public override int PagesInUse => _secondLevel.Tables;

    /// <inheritdoc/>
    public override MmuCounters Counters => new()
    {
        Faults = _secondLevel.Faults,
        Fills = _secondLevel.Fills,
        Pages = _secondLevel.TablesMade,
        Zaps = _zaps,
        Walks = _walks,
        WalkReferences = _secondLevel.References + _guestReferences,
        StructureCacheHits = _structureHits,
    };

    /// <inheritdoc/>
    public override bool Translate(in PagingContext context, ulong linear, PageAccess access, out Translation translation)
    {
        _walks++;
        translation = default;
        if (!TryWalk(in context, linear, access, out PageWalkResult result))
        {
            translation.ErrorCode = result.ErrorCode;
            return false;
        }

        translation.Gpa = result.Gpa;
        translation.Rights = result.Rights;
        translation.PageShift = result.PageShift;
        ulong entry = _secondLevel.Translate(result.Gpa, out byte* host);
        if (entry == 0) return true;
        translation.Host = (byte*)((ulong)host & ~0xFFFUL);
        translation.ReadOnlySlot = (entry & SecondLevelEntry.ReadOnly) != 0;
        translation.LogsWrites = (entry & SecondLevelEntry.Logged) != 0;
        return true;
    }

    /// <inheritdoc/>
    public override void LoadRoot(in PagingContext context, uint pcid, bool pcidsEnabled, bool keep)
    {
        if (!pcidsEnabled)
        {
            tlb.DropAll();
            return;
        }

        ulong masking = context.Cr3 & Cr3.Masking;
        if (keep && _masking[pcid] == masking && tlb.TryResume(_stamps[pcid])) return;
        tlb.NewTag((int)pcid);
        _stamps[pcid] = tlb.Stamp;
        _masking[pcid] = masking;
    }

    /// <inheritdoc/>
    public override void FlushAll(in PagingContext context, uint pcid)
    {
        tlb.DropAll();
        _stamps[pcid] = tlb.Stamp;
        _masking[pcid] = context.Cr3 & Cr3.Masking;
    }

    /// <summary>INVLPG ends what the paging-structure caches hold for its PCID, whatever the address (SDM vol. 3, 4.10.4.1).</summary>
    public override void InvalidatePage(in PagingContext context, ulong linear) => _structures.Clear();

    /// <inheritdoc/>
    public override void InvalidatePcid(uint pcid) => _stamps[pcid] = 0;

    /// <inheritdoc/>
    public override void FollowSlots(IReadOnlyList<SlotView> removed, IReadOnlyList<SlotView> added)
    {
        // What was no memory has no entries.
        foreach (SlotView slot in removed) _secondLevel.Drop(slot.Start, slot.Size);
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        if (_secondLevel.Fills == _fillsAtZap) return;
        _secondLevel.Clear();
        _fillsAtZap = _secondLevel.Fills;
        _zaps++;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TwoDimensionalReference> InspectTwoDimensional(in PagingContext context, ulong linear) =>
        TwoDimensionalInspection.Inspect(_secondLevel, memory, in context, linear);

    /// <inheritdoc/>
    public override void Dispose() => _secondLevel.Dispose();

    private bool TryWalk(in PagingContext context, ulong linear, PageAccess access, out PageWalkResult result)
    {
        TwoDimensionalTables tables = new(_secondLevel, memory, guard);
        GuestPath path = default;
        bool mapped = false;
        if (context.Mode < PagingMode.FourLevel) linear = (uint)linear;
        int indexBits = context.Mode == PagingMode.Bits32 ? 10 : 9;
        int highest = HighestCached(context.Mode);
        bool cached = _structures.TryFind(linear, tlb.Stamp, indexBits, highest, out PageWalkStart start);
        if (cached)
        {
            _structureHits++;
            mapped = PageWalker.Walk(in context, ref tables, ref path, in start, linear, access, out result);
            if (mapped) Remember(in path, linear, indexBits, in start, result.Level);
        }
        else
        {
            result = default;
        }

        // What a cache holds may be older than the tables: only a walk from the root may give the guest a fault. What it finds ends
        // what was cached, of which the rest of the same instruction must not see anything either.
        if (!mapped)
        {
            if (cached) _structures.Forget(linear, tlb.Stamp, indexBits);
            mapped = PageWalker.Walk(in context, ref tables, ref path, linear, access, out result);
            if (mapped) Remember(in path, linear, indexBits, new PageWalkStart(highest + 1, 0, AllRights), result.Level);
        }

        _guestReferences += tables.References;
        return mapped;
    }

    /// <summary>Tables below the root; PAE paging's pointers are registers, which need no cache.</summary>
    private static int HighestCached(PagingMode mode) => mode switch
    {
        PagingMode.None => 0,
        PagingMode.Bits32 or PagingMode.Pae => 1,
        _ => 3,
    };

    /// <summary>Caches the tables that a walk has found below its start.</summary>
    private void Remember(in GuestPath path, ulong linear, int indexBits, in PageWalkStart start, int leaf)
    {
        PageRights rights = start.Rights;
        for (int level = start.Level; level > Math.Max(leaf, 1); level--)
        {
            rights &= PageWalker.EntryRights(path.Entry(level));
            _structures.Add(linear, tlb.Stamp, indexBits, new PageWalkStart(level - 1, path.Table(level - 1), rights));
        }
    }
}
