using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>
/// From guest-physical to host addresses: a radix table of four levels with 512 entries each, as EPT and NPT have it. Built on
/// demand, where slots are; addresses outside every slot never get an entry, so the slots bound its size.
/// </summary>
internal sealed unsafe class SecondLevelTable : IDisposable
{
    // SAFETY: tables come from NewTable, are 512 entries long and are freed in Clear and Dispose only; indices are masked to 9 bits;
    // cached table pointers are forgotten where tables are freed.
    /// <summary>Level of the root's entries.</summary>
    public const int Levels = 4;

    private const int EntriesPerTable = 512;
    private const ulong LargePage = 2UL << 20;
    private const int CacheEntries = 64;
    private const ulong NoKey = ulong.MaxValue;

    private readonly GuestPhysicalMemory _memory;
    private readonly ulong[] _cacheKeys = new ulong[CacheEntries];
    private readonly nint[] _cachedTables = new nint[CacheEntries];
    private ulong* _root;

    /// <summary>Creates an empty table.</summary>
    public SecondLevelTable(GuestPhysicalMemory memory)
    {
        _memory = memory;
        _root = NewTable();
        Array.Fill(_cacheKeys, NoKey);
    }

    /// <summary>Tables in use.</summary>
    public int Tables { get; private set; }

    /// <summary>Tables made since creation.</summary>
    public ulong TablesMade { get; private set; }

    /// <summary>Accesses that found no entry.</summary>
    public ulong Faults { get; private set; }

    /// <summary>Leaf entries installed.</summary>
    public ulong Fills { get; private set; }

    /// <summary>Entries read.</summary>
    public ulong References { get; private set; }

    /// <summary>The leaf entry for an address; a missing one is installed first. 0 outside every slot.</summary>
    /// <param name="gpa">Guest-physical address.</param>
    /// <param name="host">Host address of the byte.</param>
    public ulong Translate(ulong gpa, out byte* host)
    {
        host = null;
        if (gpa >> Shift(Levels + 1) != 0) return 0;
        ulong entry = Walk(gpa, out int level);
        if ((entry & SecondLevelEntry.Leaf) == 0)
        {
            Faults++;
            if (!TryInstall(gpa))
            {
                host = null;
                return 0;
            }

            entry = Walk(gpa, out level);
        }

        host = (byte*)(entry & SecondLevelEntry.AddressMask) + (gpa & ((1UL << Shift(level)) - 1));
        return entry;
    }

    /// <summary>An entry on the way of an address, without reading it as a walk does.</summary>
    /// <returns>False when there is no table at that level.</returns>
    public bool TryPeek(ulong gpa, int level, out ulong entry)
    {
        bool found = TryFindEntry(gpa, level, out ulong* place);
        entry = *place;
        return found;
    }

    /// <summary>Takes out the leaves of a range that was one slot: large ones lie wholly inside. Tables stay.</summary>
    public void Drop(ulong start, ulong size)
    {
        ulong end = start + size;
        for (ulong gpa = start; gpa < end; gpa = (gpa & ~(LargePage - 1)) + LargePage)
        {
            if (!TryFindEntry(gpa, 2, out ulong* entry) || (*entry & SecondLevelEntry.Present) == 0) continue;
            if ((*entry & SecondLevelEntry.Leaf) != 0)
            {
                *entry = 0;
                continue;
            }

            ulong* table = (ulong*)(*entry & SecondLevelEntry.AddressMask);
            ulong last = Math.Min(end, (gpa & ~(LargePage - 1)) + LargePage) - 1;
            new Span<ulong>(table, EntriesPerTable)[Index(gpa, 1)..(Index(last, 1) + 1)].Clear();
        }

        Array.Fill(_cacheKeys, NoKey);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Free(_root, Levels);
        _root = NewTable();
        Array.Fill(_cacheKeys, NoKey);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_root != null) Free(_root, Levels);
        _root = null;
    }

    /// <summary>The entry on the way of an address at a level; where there is no table there, the entry above that leads no further.</summary>
    private bool TryFindEntry(ulong gpa, int level, out ulong* entry)
    {
        entry = _root + Index(gpa, Levels);
        for (int above = Levels; above > level; above--)
        {
            if ((*entry & (SecondLevelEntry.Present | SecondLevelEntry.Leaf)) != SecondLevelEntry.Present) return false;
            entry = (ulong*)(*entry & SecondLevelEntry.AddressMask) + Index(gpa, above - 1);
        }

        return true;
    }

    private static int Shift(int level) => 12 + ((level - 1) * 9);

    private static int Index(ulong gpa, int level) => (int)(gpa >> Shift(level)) & (EntriesPerTable - 1);

    private static int CacheSlot(ulong region) => (int)region & (CacheEntries - 1);

    private ulong* NewTable()
    {
        Tables++;
        TablesMade++;
        ulong* table = (ulong*)NativeMemory.AlignedAlloc(EntriesPerTable * sizeof(ulong), 4096);
        NativeMemory.Clear(table, EntriesPerTable * sizeof(ulong));
        return table;
    }

    private void Free(ulong* table, int level)
    {
        for (int i = 0; level > 1 && i < EntriesPerTable; i++)
        {
            ulong entry = table[i];
            if ((entry & (SecondLevelEntry.Present | SecondLevelEntry.Leaf)) == SecondLevelEntry.Present)
                Free((ulong*)(entry & SecondLevelEntry.AddressMask), level - 1);
        }

        Tables--;
        NativeMemory.AlignedFree(table);
    }

    /// <summary>Reads from the root, or from the table of the last step where the cache has it, to the first entry that leads no further.</summary>
    private ulong Walk(ulong gpa, out int level)
    {
        // One entry for each 2 MiB: the table that holds the leaf. Of a 2-MiB leaf that is the table of level 2.
        ulong region = gpa >> Shift(2);
        int slot = CacheSlot(region);
        if (_cacheKeys[slot] >> 1 == region)
        {
            References++;
            level = (int)(_cacheKeys[slot] & 1) + 1;
            return ((ulong*)_cachedTables[slot])[Index(gpa, level)];
        }

        ulong* table = _root;
        for (level = Levels; ; level--)
        {
            References++;
            ulong entry = table[Index(gpa, level)];
            if ((entry & SecondLevelEntry.Present) == 0) return 0;
            if ((entry & SecondLevelEntry.Leaf) != 0)
            {
                _cacheKeys[slot] = (region << 1) | (uint)(level - 1);
                _cachedTables[slot] = (nint)table;
                return entry;
            }

            table = (ulong*)(entry & SecondLevelEntry.AddressMask);
        }
    }

    /// <summary>Installs the leaf for an address, and the tables above it.</summary>
    private bool TryInstall(ulong gpa)
    {
        SlotView? slot = _memory.Find(gpa);
        if (slot is null) return false;
        ulong flags = SecondLevelEntry.Present | SecondLevelEntry.Leaf |
            (slot.ReadOnly ? SecondLevelEntry.ReadOnly : 0) | (slot.LogsWrites ? SecondLevelEntry.Logged : 0);
        ulong large = gpa & ~(LargePage - 1);
        int leaf = large >= slot.Start && large - slot.Start + LargePage <= slot.Size ? 2 : 1;

        // Smaller slots were here before: their table stays.
        if (leaf == 2 && TryFindEntry(gpa, 2, out ulong* found) && (*found & (SecondLevelEntry.Present | SecondLevelEntry.Leaf)) == SecondLevelEntry.Present) leaf = 1;
        ulong page = gpa & ~((1UL << Shift(leaf)) - 1);
        ulong* table = _root;
        for (int level = Levels; level > leaf; level--)
        {
            ulong* entry = table + Index(gpa, level);
            if ((*entry & SecondLevelEntry.Present) == 0) *entry = (ulong)NewTable() | SecondLevelEntry.Present;
            table = (ulong*)(*entry & SecondLevelEntry.AddressMask);
        }

        table[Index(gpa, leaf)] = (ulong)(slot.Host + (page - slot.Start)) | flags;
        Fills++;
        return true;
    }
}
