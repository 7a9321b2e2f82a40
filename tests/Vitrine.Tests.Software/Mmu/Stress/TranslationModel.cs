using Vitrine.Tests.X86.Paging;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Cr0Bits = Vitrine.X86.Registers.Cr0;
using Cr4Bits = Vitrine.X86.Registers.Cr4;
using EferBits = Vitrine.X86.Registers.Efer;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// Which translations the architecture permits (SDM vol. 3, 4.10 "Caching Translation Information"): those of the tables as they
/// are, and those that a processor may have cached at any time since the last operation that invalidates them, by walking for any
/// page whenever it likes. Narrower than the manual in what is the same for every MMU of ours: nothing is cached from entries
/// whose accessed bit is clear, and a cached translation with too few rights is walked again rather than refused.
/// </summary>
internal sealed class TranslationModel(ModelMemory memory)
{
    private const ulong P = 1;
    private const ulong A = 0x20;
    private const ulong D = 0x40;
    private const ulong PageSize = 0x80;
    private const ulong G = 0x100;
    private const ulong Nx = 1UL << 63;
    private const ulong AddressMask = ((1UL << CpuModels.PhysicalAddressBits) - 1) & ~0xFFFUL;
    private const ulong ReservedHigh = 0x000F_FFFF_FFFF_FFFF & ~((1UL << CpuModels.PhysicalAddressBits) - 1);
    private const int Pcids = 4;
    private static readonly string[] _sources = ["", "cached table at level 1", "cached table at level 2", "cached table at level 3"];

    private readonly Dictionary<ulong, int> _numbers = [];
    private readonly Dictionary<ulong, ulong> _entries = [];
    private readonly List<(ulong Address, byte Bits)> _marks = [];
    private readonly ulong[] _pdptes = new ulong[4];
    private ulong[] _pages = [];
    private PageCache[][] _caches = [];
    private PageCache[] _globals = [];

    public ulong Cr0 { get; private set; }

    public ulong Cr3 { get; private set; }

    public ulong Cr4 { get; private set; }

    public ulong Efer { get; private set; }

    public uint Pkru { get; private set; }

    public uint Pkrs { get; private set; }

    /// <summary>The present mode of paging.</summary>
    public PagingMode Mode { get; private set; }

    public int EntrySize => Mode == PagingMode.Bits32 ? 4 : 8;

    public IReadOnlyList<ulong> Pages => _pages;

    /// <summary>Each walk of the present tables is compared with <see cref="ManualPageWalk"/>. It is slow.</summary>
    public bool CompareWithManual { get; set; }

    private int Pcid => (Cr4 & Cr4Bits.PCIDE) != 0 ? (int)(Cr3 & (Pcids - 1)) : 0;

    private bool ExecuteDisable => (Efer & EferBits.NXE) != 0;

    private int TopLevel => Mode == PagingMode.FourLevel ? 4 : 2;

    private int BitsPerLevel => Mode == PagingMode.Bits32 ? 10 : 9;

    /// <summary>The processor as it is at the start, with nothing cached.</summary>
    public void Begin(StressCase test)
    {
        _pages = test.Pages;
        _numbers.Clear();
        for (int i = 0; i < _pages.Length; i++) _numbers.Add(_pages[i], i);
        _caches = [.. Enumerable.Range(0, Pcids).Select(_ => _pages.Select(_ => new PageCache()).ToArray())];
        _globals = [.. _pages.Select(_ => new PageCache())];
        (Cr0, Cr3, Cr4, Efer) = (test.Cr0, test.Cr3, test.Cr4, test.Efer);
        (Pkru, Pkrs) = (test.Pkru, test.Pkrs);
        Mode = test.Paging;
        if (Mode == PagingMode.Pae) LoadPdptes(Cr3);
        Observe();
    }

    public void LoadEfer(ulong value) => Efer = value | (Efer & EferBits.LMA);

    /// <summary>WRPKRU: the next access is held to it, whatever is cached (SDM vol. 3, 4.6.2).</summary>
    public void LoadPkru(uint value) => Pkru = value;

    /// <summary>WRMSR of IA32_PKRS.</summary>
    public void LoadPkrs(uint value) => Pkrs = value;

    /// <summary>MOV CR3.</summary>
    /// <returns>False when it faults with #GP(0).</returns>
    public bool LoadCr3(ulong value)
    {
        bool pcids = (Cr4 & Cr4Bits.PCIDE) != 0;
        bool keep = pcids && (value & Nx) != 0;
        if (pcids) value &= ~Nx;
        if (Mode == PagingMode.Pae && !LoadPdptes(value)) return false;
        Cr3 = value;
        if (!keep) InvalidateContext(Pcid);
        return true;
    }

    /// <summary>MOV CR0.</summary>
    /// <returns>False when it faults with #GP(0).</returns>
    public bool LoadCr0(ulong value)
    {
        bool turnedOn = (value & ~Cr0 & Cr0Bits.PG) != 0;
        if (turnedOn && (Cr4 & Cr4Bits.PAE) != 0 && !LoadPdptes(Cr3)) return false;
        if ((Cr0 & ~value & Cr0Bits.PG) != 0) InvalidateAll();
        Cr0 = value;
        FollowMode();
        return true;
    }

    /// <summary>MOV CR4.</summary>
    /// <returns>False when it faults with #GP(0).</returns>
    public bool LoadCr4(ulong value)
    {
        ulong changed = Cr4 ^ value;
        const ulong Reload = Cr4Bits.PGE | Cr4Bits.PSE | Cr4Bits.SMEP;
        if (Mode == PagingMode.Pae && (changed & Reload) != 0 && !LoadPdptes(Cr3)) return false;
        if ((changed & Cr4Bits.PGE) != 0) InvalidateAll();
        if ((changed & value & Cr4Bits.SMEP) != 0) InvalidateContext(Pcid);
        Cr4 = value;
        return true;
    }

    public void InvalidateAll()
    {
        foreach (PageCache[] caches in _caches)
        {
            foreach (PageCache cache in caches) cache.Clear();
        }

        foreach (PageCache cache in _globals) cache.Clear();
    }

    /// <summary>All of a PCID but global translations: INVPCID type 1, MOV CR3.</summary>
    public void InvalidateContext(int pcid)
    {
        foreach (PageCache cache in _caches[pcid]) cache.Clear();
    }

    /// <summary>INVPCID type 3.</summary>
    public void InvalidateContexts()
    {
        for (int i = 0; i < Pcids; i++) InvalidateContext(i);
    }

    /// <summary>INVLPG: global translations too, and the present PCID's paging-structure caches for all addresses.</summary>
    public void InvalidatePage(ulong linear)
    {
        InvalidateTranslations(_caches[Pcid], linear);
        InvalidateTranslations(_globals, linear);
        foreach (PageCache cache in _caches[Pcid]) cache.ClearTables();
    }

    /// <summary>INVPCID type 0: what would be used to translate the address, but global translations.</summary>
    public void InvalidateAddress(int pcid, ulong linear)
    {
        InvalidateTranslations(_caches[pcid], linear);
        InvalidateTables(pcid, linear);
    }

    /// <summary>A page fault ends what would be used to translate its address; of a large page that is cached in pieces only this one.</summary>
    public void EndFault(ulong linear)
    {
        if (!_numbers.TryGetValue(linear & ~0xFFFUL, out int number)) return;
        _caches[Pcid][number].Pages.Clear();
        _globals[number].Pages.Clear();
        InvalidateTables(Pcid, linear);
    }

    /// <summary>From now on the processor may have cached what the present tables say of any page.</summary>
    public void Observe()
    {
        if (Mode == PagingMode.None) return;
        for (int i = 0; i < _pages.Length; i++) Observe(i);
    }

    /// <summary>The same for the page of one address.</summary>
    public void Observe(ulong linear)
    {
        if (Mode != PagingMode.None && _numbers.TryGetValue(linear & ~0xFFFUL, out int number)) Observe(number);
    }

    /// <summary>How much is cached for an address, to take back what a trial has added.</summary>
    public (int Pages, int Global, int Tables1, int Tables2, int Tables3) Mark(ulong linear)
    {
        if (!_numbers.TryGetValue(linear & ~0xFFFUL, out int number)) return default;
        PageCache cache = _caches[Pcid][number];
        return (cache.Pages.Count, _globals[number].Pages.Count, cache.Tables[1].Count, cache.Tables[2].Count, cache.Tables[3].Count);
    }

    /// <summary>Takes back what was added since <paramref name="mark"/>.</summary>
    public void Undo(ulong linear, (int Pages, int Global, int Tables1, int Tables2, int Tables3) mark)
    {
        if (!_numbers.TryGetValue(linear & ~0xFFFUL, out int number)) return;
        PageCache cache = _caches[Pcid][number];
        Cut(cache.Pages, mark.Pages);
        Cut(_globals[number].Pages, mark.Global);
        Cut(cache.Tables[1], mark.Tables1);
        Cut(cache.Tables[2], mark.Tables2);
        Cut(cache.Tables[3], mark.Tables3);
    }

    /// <summary>Everything that an access to the page of an address may come to; the first is what the present tables say.</summary>
    /// <returns>Null when the address is none of the sequence's.</returns>
    public List<Outcome>? Outcomes(ulong linear, in AccessKind access)
    {
        ulong page = linear & ~0xFFFUL;
        if (Mode == PagingMode.None) return [new(false, 0, (uint)page, [], false, "no paging")];
        if (page - L.Window < L.PoolPages << 12)
            return access.User || access.Fetch ? null : [new(false, 0, page - L.Window + L.Pool, [], false, "window")];
        if (!_numbers.TryGetValue(page, out int number)) return null;
        List<Outcome> outcomes = [];
        if (TryRoot(page, out int level, out ulong root)) outcomes.Add(Walk(page, level, new(root, Rights.All), access, "tables"));
        else outcomes.Add(new(true, access.ErrorCode(ReportsFetch), 0, [], false, "tables"));
        if (CompareWithManual) CheckAgainstManual(linear, access, outcomes[0]);
        PageCache cache = _caches[Pcid][number];
        for (int start = TopLevel - 1; start >= 1; start--)
        {
            foreach (CachedTable table in cache.Tables[start])
            {
                Add(outcomes, Walk(page, start, table, access, _sources[start]));
            }
        }

        AddCached(outcomes, cache.Pages, access, "cached");
        AddCached(outcomes, _globals[number].Pages, access, "cached, global");
        return outcomes;
    }

    /// <summary>The address and level of the last entry that the present tables of a root have for an address.</summary>
    public (ulong Address, int Level) LastEntry(ulong linear, ulong root, int stopAt)
    {
        int level = TopLevel;
        ulong table = root & AddressMask;
        if (Mode == PagingMode.Pae)
        {
            ulong address = table + (((linear >> 30) & 3) * 8);
            ulong pointer = memory.Entry(address, 8);
            if (stopAt == 3 || (pointer & P) == 0) return (address, 3);
            table = pointer & AddressMask;
        }

        while (true)
        {
            ulong address = EntryAddress(table, linear, level);
            ulong entry = memory.Entry(address, EntrySize);
            if (level == 1 || level == stopAt || (entry & P) == 0 || IsLeaf(entry, level) || ModelMemory.KindOf(entry & AddressMask) != MemoryKind.Pool)
                return (address, level);
            table = entry & AddressMask;
            level--;
        }
    }

    private bool ReportsFetch => (Cr4 & Cr4Bits.SMEP) != 0 || (Mode != PagingMode.Bits32 && ExecuteDisable);

    private static void Cut<T>(List<T> list, int count) => list.RemoveRange(count, list.Count - count);

    private void FollowMode()
    {
        Mode = (Cr0 & Cr0Bits.PG) == 0 ? PagingMode.None
            : (Efer & EferBits.LME) != 0 ? PagingMode.FourLevel
            : (Cr4 & Cr4Bits.PAE) != 0 ? PagingMode.Pae
            : PagingMode.Bits32;
    }

    // SDM vol. 3, 4.4.1: bits 2:1, 8:5 and those beyond physical addresses are reserved in a present PDPTE.
    private bool LoadPdptes(ulong cr3)
    {
        ulong[] loaded = new ulong[4];
        for (int i = 0; i < 4; i++)
        {
            ulong entry = memory.Entry((cr3 & 0xFFFF_FFE0) + (ulong)(i * 8), 8);
            if ((entry & P) != 0 && (entry & (0x1E6 | ~((1UL << CpuModels.PhysicalAddressBits) - 1))) != 0) return false;
            loaded[i] = entry;
        }

        loaded.CopyTo(_pdptes, 0);
        return true;
    }

    private bool TryRoot(ulong linear, out int level, out ulong table)
    {
        level = TopLevel;
        table = Cr3 & AddressMask;
        if (Mode != PagingMode.Pae) return true;
        ulong pointer = _pdptes[(linear >> 30) & 3];
        table = pointer & AddressMask;
        return (pointer & P) != 0;
    }

    private ulong EntryAddress(ulong table, ulong linear, int level)
    {
        ulong index = (linear >> (12 + ((level - 1) * BitsPerLevel))) & ((1UL << BitsPerLevel) - 1);
        return (EntrySize == 4 ? table & 0xFFFF_F000 : table) + (index * (ulong)EntrySize);
    }

    // 1-GiB pages are announced: CpuModels.X8664V2.
    private bool IsLeaf(ulong entry, int level) => level == 1 ||
        ((entry & PageSize) != 0 && (Mode == PagingMode.Bits32 ? (Cr4 & Cr4Bits.PSE) != 0 : level is 2 or 3));

    private bool IsReserved(ulong entry, int level)
    {
        if (Mode == PagingMode.Bits32)
        {
            // With 46 physical bits PSE-36 reaches bit 39: only bit 21 is reserved (table 4-4).
            return level == 2 && IsLeaf(entry, 2) && (entry & (1 << 21)) != 0;
        }

        ulong reserved = Mode == PagingMode.Pae ? ReservedHigh | 0x7FF0_0000_0000_0000 : ReservedHigh;
        if (!ExecuteDisable) reserved |= Nx;
        if (level == 4) reserved |= PageSize;
        if (level > 1 && IsLeaf(entry, level)) reserved |= ((1UL << Shift(level)) - 1) & ~0x1FFFUL;
        return (entry & reserved) != 0;
    }

    private int KeyOf(ulong entry) => Mode == PagingMode.FourLevel ? (int)(entry >> 59) & 0xF : 0;

    private int Shift(int level) => 12 + ((level - 1) * BitsPerLevel);

    private ulong PageOf(ulong entry, ulong linear, int level)
    {
        ulong offset = linear & ((1UL << Shift(level)) - 1) & ~0xFFFUL;
        if (Mode != PagingMode.Bits32) return (entry & AddressMask & ~((1UL << Shift(level)) - 1)) | offset;
        return level == 1 ? entry & 0xFFFF_F000 : (entry & 0xFFC0_0000) | ((entry & 0x1F_E000) << 19) | offset;
    }

    private bool Permits(in Rights rights, in AccessKind access)
    {
        if (access.User && !rights.User) return false;
        if (KeyForbids(rights, access)) return false;
        if (access.Fetch) return !rights.NoExecute && (access.User || !rights.User || (Cr4 & Cr4Bits.SMEP) == 0);
        if (!access.User && rights.User && (Cr4 & Cr4Bits.SMAP) != 0 && !access.Ac) return false;
        return !access.Write || rights.Writable || (!access.User && (Cr0 & Cr0Bits.WP) == 0);
    }

    private bool KeyForbids(in Rights rights, in AccessKind access)
    {
        ulong enable = rights.User ? Cr4Bits.PKE : Cr4Bits.PKS;
        if (Mode != PagingMode.FourLevel || (Cr4 & enable) == 0 || access.Fetch) return false;
        uint bits = ((rights.User ? Pkru : Pkrs) >> (2 * rights.Key)) & 3;
        bool heedsWriteDisable = (Cr0 & Cr0Bits.WP) != 0 || (rights.User && access.User);
        return (bits & 1) != 0 || (access.Write && bits == 2 && heedsWriteDisable);
    }

    private Outcome Walk(ulong linear, int level, CachedTable start, in AccessKind access, string source)
    {
        ulong table = start.Table;
        Rights rights = start.Rights;
        uint code = access.ErrorCode(ReportsFetch);
        bool isUnsafe = false;
        _marks.Clear();
        _entries.Clear();
        while (true)
        {
            ulong address = EntryAddress(table, linear, level);
            ulong entry = memory.Entry(address, EntrySize);
            _entries[address] = entry;

            // The harness's memory changes while a step runs, so nobody can say what an entry there holds.
            MemoryKind kind = ModelMemory.KindOf(address);
            isUnsafe |= kind == MemoryKind.Forbidden;
            if ((entry & P) == 0) return new(true, code, 0, [], isUnsafe, source);
            if (IsReserved(entry, level)) return new(true, code | PageFaultError.P | PageFaultError.RSVD, 0, [], isUnsafe, source);
            bool leaf = IsLeaf(entry, level);
            ulong bits = A | (leaf && access.Write ? D : 0);
            if ((entry & bits) != bits && kind == MemoryKind.Pool) _marks.Add((address, (byte)bits));

            rights = rights.And(entry, Mode != PagingMode.Bits32 && ExecuteDisable);
            if (leaf)
            {
                rights = rights with { Key = KeyOf(entry) };
                if (Permits(rights, access)) return new(false, 0, PageOf(entry, linear, level), [.. _marks], isUnsafe, source);
                return new(true, code | PageFaultError.P | (KeyForbids(rights, access) ? PageFaultError.PK : 0), 0, [], isUnsafe, source);
            }

            table = EntrySize == 4 ? entry & 0xFFFF_F000 : entry & AddressMask;
            level--;
        }
    }

    private void AddCached(List<Outcome> outcomes, List<CachedPage> pages, in AccessKind access, string source)
    {
        foreach (CachedPage page in pages)
        {
            if (Permits(page.Rights, access) && (!access.Write || page.Dirty)) Add(outcomes, new(false, 0, page.Gpa, [], false, source));
        }
    }

    private static void Add(List<Outcome> outcomes, in Outcome outcome)
    {
        foreach (Outcome other in outcomes)
        {
            if (outcome.Same(other)) return;
        }

        outcomes.Add(outcome);
    }

    private void Observe(int number)
    {
        ulong linear = _pages[number];
        PageCache cache = _caches[Pcid][number];
        if (!TryRoot(linear, out int top, out ulong root)) return;
        Follow(number, cache, top, new(root, Rights.All));
        for (int level = top - 1; level >= 1; level--)
        {
            List<CachedTable> tables = cache.Tables[level];
            for (int i = 0; i < tables.Count; i++) Follow(number, cache, level, tables[i]);
        }
    }

    private void Follow(int number, PageCache cache, int level, CachedTable start)
    {
        ulong linear = _pages[number];
        ulong address = EntryAddress(start.Table, linear, level);
        ulong entry = memory.Entry(address, EntrySize);
        if ((entry & (P | A)) != (P | A) || IsReserved(entry, level)) return;
        Rights rights = start.Rights.And(entry, Mode != PagingMode.Bits32 && ExecuteDisable);
        if (!IsLeaf(entry, level))
        {
            CachedTable next = new(EntrySize == 4 ? entry & 0xFFFF_F000 : entry & AddressMask, rights);
            if (!cache.Tables[level - 1].Contains(next)) cache.Tables[level - 1].Add(next);
            return;
        }

        CachedPage page = new(Shift(level), PageOf(entry, linear, level), rights with { Key = KeyOf(entry) }, (entry & D) != 0);
        bool global = (entry & G) != 0 && (Cr4 & Cr4Bits.PGE) != 0;
        List<CachedPage> pages = global ? _globals[number].Pages : cache.Pages;
        if (!pages.Contains(page)) pages.Add(page);
    }

    private void InvalidateTranslations(PageCache[] caches, ulong linear)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            ulong other = _pages[i];
            caches[i].Pages.RemoveAll(page => other >> page.Shift == linear >> page.Shift);
        }
    }

    private void InvalidateTables(int pcid, ulong linear)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            for (int level = 1; level < 4; level++)
            {
                int shift = 12 + (level * BitsPerLevel);
                if (_pages[i] >> shift == linear >> shift) _caches[pcid][i].Tables[level].Clear();
            }
        }
    }

    /// <summary>The model's own walk of the present tables must be the manual's.</summary>
    private void CheckAgainstManual(ulong linear, in AccessKind access, in Outcome outcome)
    {
        ManualPageWalk manual = new(_entries)
        {
            Wp = (Cr0 & Cr0Bits.WP) != 0,
            Pse = (Cr4 & Cr4Bits.PSE) != 0,
            Pae = Mode != PagingMode.Bits32,
            Pge = (Cr4 & Cr4Bits.PGE) != 0,
            Smep = (Cr4 & Cr4Bits.SMEP) != 0,
            Smap = (Cr4 & Cr4Bits.SMAP) != 0,
            La57 = false,
            Lma = Mode == PagingMode.FourLevel,
            Nxe = ExecuteDisable,
            Pke = (Cr4 & Cr4Bits.PKE) != 0,
            Pks = (Cr4 & Cr4Bits.PKS) != 0,
            Pkru = Pkru,
            Pkrs = Pkrs,
            Page1G = true,
            MaxPhyAddr = CpuModels.PhysicalAddressBits,
            Cr3 = Cr3,
            Pdpte = _pdptes,
        };
        ManualPageWalk.Outcome expected = manual.Translate(linear, access.Write, access.Fetch, access.User, access.Ac);
        bool same = expected.Allowed != outcome.Fault && expected.ErrorCode == outcome.ErrorCode
            && (outcome.Fault || (expected.Gpa & ~0xFFFUL) == outcome.Gpa);
        if (!same) throw new InvalidOperationException($"the model's walk for {linear:x} is not the manual's: {outcome}, {expected}");
    }
}
