namespace Vitrine.Accelerators.Mmu;

/// <summary>What an MMU has done since its vCPU was created. Those that a mode doesn't have stay 0.</summary>
public readonly record struct MmuCounters
{
    /// <summary>TLB misses: look-ups that the software TLB could not answer.</summary>
    public ulong TlbMisses { get; init; }

    /// <summary>
    /// Faults that the MMU itself had to serve, as a hypervisor's exits would be: a shadow entry was missing or forbade what the
    /// guest allows (shadow), or a second-level entry was missing (two-dimensional). Faults of the guest are <see cref="GuestFaults"/>.
    /// </summary>
    public ulong Faults { get; init; }

    /// <summary>Page faults delivered to the guest.</summary>
    public ulong GuestFaults { get; init; }

    /// <summary>Leaf entries installed in the shadow page table or the second-level table.</summary>
    public ulong Fills { get; init; }

    /// <summary>Shadow: shadow pages taken into use. Two-dimensional: second-level tables made.</summary>
    public ulong Pages { get; init; }

    /// <summary>Shadow: guest tables compared again with their shadow page because the architecture demanded a flush.</summary>
    public ulong Syncs { get; init; }

    /// <summary>Shadow: leaf tables that were allowed to go out of step with the guest's.</summary>
    public ulong Unsyncs { get; init; }

    /// <summary>Shadow: guest writes to tables that are tracked.</summary>
    public ulong TrackedWrites { get; init; }

    /// <summary>Shadow: shadow pages thrown away. Two-dimensional: times the second-level table was emptied.</summary>
    public ulong Zaps { get; init; }

    /// <summary>Shadow: CR3 loads answered from the cache of previous roots.</summary>
    public ulong RootHits { get; init; }

    /// <summary>Times that the TLB entries of the present address space were dropped.</summary>
    public ulong Flushes { get; init; }

    /// <summary>Guest page walks: in shadow mode one for each fault, in two-dimensional mode one for each TLB miss.</summary>
    public ulong Walks { get; init; }

    /// <summary>
    /// Entries read from memory: shadow entries (shadow); guest entries and second-level entries together (two-dimensional; up to 24 for a walk of
    /// four levels in both dimensions, fewer where a paging-structure cache answers).
    /// </summary>
    public ulong WalkReferences { get; init; }

    /// <summary>Two-dimensional: walks that began at a paging-structure cache instead of the root.</summary>
    public ulong StructureCacheHits { get; init; }

    /// <summary>Adds up the counters of two MMUs.</summary>
    public static MmuCounters operator +(MmuCounters one, MmuCounters two) => new()
    {
        TlbMisses = one.TlbMisses + two.TlbMisses,
        Faults = one.Faults + two.Faults,
        GuestFaults = one.GuestFaults + two.GuestFaults,
        Fills = one.Fills + two.Fills,
        Pages = one.Pages + two.Pages,
        Syncs = one.Syncs + two.Syncs,
        Unsyncs = one.Unsyncs + two.Unsyncs,
        TrackedWrites = one.TrackedWrites + two.TrackedWrites,
        Zaps = one.Zaps + two.Zaps,
        RootHits = one.RootHits + two.RootHits,
        Flushes = one.Flushes + two.Flushes,
        Walks = one.Walks + two.Walks,
        WalkReferences = one.WalkReferences + two.WalkReferences,
        StructureCacheHits = one.StructureCacheHits + two.StructureCacheHits,
    };
}
