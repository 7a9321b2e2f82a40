using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Fetch;

/// <summary>Counters of an MMU by name.</summary>
internal static class CounterText
{
    /// <summary>The counters that moved.</summary>
    public static IReadOnlyList<CounterChange> Between(MmuCounters before, MmuCounters after)
    {
        List<CounterChange> changes = [];
        Add("TLB misses", before.TlbMisses, after.TlbMisses);
        Add("faults", before.Faults, after.Faults);
        Add("guest faults", before.GuestFaults, after.GuestFaults);
        Add("fills", before.Fills, after.Fills);
        Add("pages", before.Pages, after.Pages);
        Add("syncs", before.Syncs, after.Syncs);
        Add("unsyncs", before.Unsyncs, after.Unsyncs);
        Add("tracked writes", before.TrackedWrites, after.TrackedWrites);
        Add("zaps", before.Zaps, after.Zaps);
        Add("root hits", before.RootHits, after.RootHits);
        Add("flushes", before.Flushes, after.Flushes);
        Add("guest walks", before.Walks, after.Walks);
        Add("walk references", before.WalkReferences, after.WalkReferences);
        Add("structure-cache hits", before.StructureCacheHits, after.StructureCacheHits);
        return changes;

        void Add(string name, ulong from, ulong to)
        {
            if (to > from) changes.Add(new(name, to - from));
        }
    }
}
