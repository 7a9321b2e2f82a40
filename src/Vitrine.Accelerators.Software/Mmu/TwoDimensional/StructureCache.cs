using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>
/// The paging-structure caches (SDM vol. 3, 4.10.3): for the prefix of a linear address, the table that the entries above lead to
/// and the rights that they leave. Entries are valid for one TLB tag, so what drops an address space's translations drops them too.
/// </summary>
internal sealed class StructureCache
{
    // Direct-mapped by the prefix, one cache for each level of the table that an entry leads to.
    private const int Entries = 32;
    private const int HighestTable = 4;
    private readonly Entry[] _entries = new Entry[HighestTable * Entries];

    /// <summary>The lowest table known for an address.</summary>
    /// <param name="linear">Linear address.</param>
    /// <param name="stamp">The address space, see <see cref="Tlb.Stamp"/>.</param>
    /// <param name="indexBits">Bits of an address that select an entry of one table: 9 or 10.</param>
    /// <param name="highest">The highest level of table that may be cached.</param>
    /// <param name="start">Where the walk may begin.</param>
    public bool TryFind(ulong linear, ulong stamp, int indexBits, int highest, out PageWalkStart start)
    {
        for (int level = 1; level <= highest; level++)
        {
            ulong prefix = linear >> Shift(level, indexBits);
            ref Entry entry = ref EntryFor(level, prefix);
            if (entry.Stamp != stamp || entry.Prefix != prefix) continue;
            start = new PageWalkStart(level, entry.Table, entry.Rights);
            return true;
        }

        start = default;
        return false;
    }

    /// <summary>Remembers a table.</summary>
    public void Add(ulong linear, ulong stamp, int indexBits, in PageWalkStart start)
    {
        ulong prefix = linear >> Shift(start.Level, indexBits);
        ref Entry entry = ref EntryFor(start.Level, prefix);
        entry.Prefix = prefix;
        entry.Stamp = stamp;
        entry.Table = start.Table;
        entry.Rights = start.Rights;
    }

    /// <summary>Forgets the tables known for an address.</summary>
    public void Forget(ulong linear, ulong stamp, int indexBits)
    {
        for (int level = 1; level <= HighestTable; level++)
        {
            ulong prefix = linear >> Shift(level, indexBits);
            ref Entry entry = ref EntryFor(level, prefix);
            if (entry.Stamp == stamp && entry.Prefix == prefix) entry = default;
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Array.Clear(_entries);

    private static int Shift(int level, int indexBits) => 12 + (level * indexBits);

    private ref Entry EntryFor(int level, ulong prefix) => ref _entries[((level - 1) * Entries) + (int)(prefix % Entries)];

    private struct Entry
    {
        public ulong Prefix;
        public ulong Stamp;
        public ulong Table;
        public PageRights Rights;
    }
}
