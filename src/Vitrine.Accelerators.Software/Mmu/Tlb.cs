using System.Numerics;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// The software TLB: three tables for data (one for each access mode), one for fetches, and the tags that say which entries are
/// valid. A tag stands for an address space; giving the present space a new one drops all it had. The tables exist several times, so that
/// spaces that alternate don't evict each other's entries: most of their addresses are the same.
/// </summary>
internal sealed unsafe class Tlb : IDisposable
{
    // SAFETY: _tables, _hosts and _fetches are sized by the constants used to index them; entries are the callers' of _tables. Only the vCPU's thread comes here.
    /// <summary>CPL 3.</summary>
    public const int UserTable = 0;

    /// <summary>CPL 0 to 2, and accesses that the processor makes for itself.</summary>
    public const int SupervisorTable = 1;

    /// <summary>CPL 0 to 2 while RFLAGS.AC opens user pages under SMAP.</summary>
    public const int OpenSupervisorTable = 2;

    /// <summary>Never filled: every access takes the slow path, for alignment checks and data breakpoints.</summary>
    public const int EmptyTable = 3;

    /// <summary>How many sets of tables there are: one for each address space that is remembered. A power of two.</summary>
    public const int Sets = 8;

    private const ulong PageMask = Page.AddressMask;

    // Bits 63:48 of a tag are copies of bit 47, or a pointer's metadata (linear-address masking).
    private const ulong TranslatedMask = 0x0000_FFFF_FFFF_F000;
    private const int TagLimit = 1 << 12;
    private const int FetchEntries = 256;
    private const int TablesPerSet = 3;
    private const int TagBits = 12;
    private const int EntriesPerSet = TablesPerSet * GuestAccess.TlbEntries;
    private const int AllEntries = Sets * EntriesPerSet;
    private const int EntriesOfLastLevel = 512;

    private readonly CpuState* _cpu;
    private readonly BlockCache _blocks;
    private readonly TlbEntry* _tables;

    // For each entry the low bits of its host page's number, as of its last fill: a search for a page reads 4 bytes of an entry instead of 32.
    private readonly uint* _hosts;
    private readonly FetchEntry* _fetches;

    // One bit per hash of a 2-MiB region: set when a large page in it was split into TLB entries.
    private readonly ulong[] _largeRegions = new ulong[64];

    // The same for 1-GiB pages and regions.
    private readonly ulong[] _hugeRegions = new ulong[64];
    private readonly CodeContexts _contexts;
    private readonly KeyedEntries _keyed;
    private CodeFilter _codeFilter;
    private int _set;

    // One bit per set that may hold entries. With few address spaces most sets are empty, and a search of all entries, 3 MiB, passes them by.
    private uint _enteredSets = 1;
    private int _table;
    private uint _lastTag;
    private uint _codeEpoch;

    // INVLPG of a large page, whose pieces are in no list, has ended what was fetched before this epoch.
    private uint _fetchesKnownFrom;
    private uint _jumpEpoch;
    private int _supervisorTable = SupervisorTable;
    private ITranslationFollower? _follower;

    /// <summary>Creates the TLB of one vCPU, empty.</summary>
    public Tlb(CpuState* cpu, BlockCache blocks)
    {
        _cpu = cpu;
        _blocks = blocks;
        _contexts = new CodeContexts(blocks);
        _tables = (TlbEntry*)NativeMemory.AllocZeroed(AllEntries + GuestAccess.TlbEntries, (nuint)sizeof(TlbEntry));
        _hosts = (uint*)NativeMemory.AllocZeroed(AllEntries + GuestAccess.TlbEntries, sizeof(uint));
        _keyed = new KeyedEntries(_tables, AllEntries);
        _fetches = (FetchEntry*)NativeMemory.AllocZeroed(Sets * FetchEntries, (nuint)sizeof(FetchEntry));
    }

    /// <summary>From now on somebody else is told of what ends.</summary>
    public void Attach(ITranslationFollower follower) => _follower = follower;

    /// <summary>Times that the present address space got a new tag.</summary>
    public ulong Flushes { get; private set; }

    /// <summary>Times that the slots of translated code were emptied.</summary>
    public ulong PagesForgotten { get; private set; }

    /// <summary>Grows whenever all tags that were given before become void.</summary>
    public uint Epoch { get; private set; } = 1;

    /// <summary>The present tag, for <see cref="TryResume"/>.</summary>
    public ulong Stamp => ((ulong)Epoch << 32) | ((uint)_set << TagBits) | _cpu->TlbTag;

    /// <summary>A table of the present address space, by number.</summary>
    public TlbEntry* Table(int number) =>
        number == EmptyTable ? _tables + AllEntries : EntriesOf(_set) + (number * GuestAccess.TlbEntries);

    /// <summary>Chooses the table that operations see.</summary>
    public void Use(int number)
    {
        _table = number;
        _cpu->Tlb = Table(number);

        // Code at CPL 3 sees the user's table or the empty one, with which nothing gets into the slots; other code any but the user's.
        if (number == EmptyTable) ForgetPages();
        if (number == UserTable || number == _supervisorTable) return;
        PagesForgotten++;
        ForgetPages(PageSlots.PerBank, PageSlots.PerBank);
        _supervisorTable = number;
    }

    /// <summary>The only entry that can hold the fetch translation of an address.</summary>
    public FetchEntry* FetchEntryFor(ulong linear, bool user) =>
        FetchEntryFor(_set, linear, user);

    /// <summary>Grows with everything that may end a global translation.</summary>
    public uint CodeEpoch => _codeEpoch;

    /// <summary>An entry that holds a global translation of an address, whichever address space made it; or null.</summary>
    public FetchEntry* GlobalFetchEntry(ulong linear, bool user)
    {
        for (int set = 0; set < Sets; set++)
        {
            FetchEntry* entry = FetchEntryFor(set, linear, user);
            if ((entry->GpaPage & 1) != 0 && entry->Epoch == _codeEpoch && (entry->Tag & PageMask) == (linear & PageMask)) return entry;
        }

        return null;
    }

    /// <summary>
    /// An address space, of now or of before, has had code at an address on the same page, and neither INVLPG nor a page fault has ended that since. So programs
    /// that take turns, and those that are started again and again, have known pages.
    /// </summary>
    public bool KnowsFetch(ulong linear, ulong gpa, bool user)
    {
        for (int set = 0; set < Sets; set++)
        {
            FetchEntry* entry = FetchEntryFor(set, linear, user);
            bool holds = entry->Tag != 0 && (int)(entry->Epoch - _fetchesKnownFrom) >= 0;
            if (holds && ((entry->Tag ^ linear) & PageMask) == 0 && ((entry->GpaPage ^ gpa) & PageMask) == 0) return true;
        }

        return false;
    }

    /// <summary>What a tag of the present address space must be for a page.</summary>
    public ulong TagFor(ulong linear) => (linear & PageMask) | _cpu->TlbTag;

    /// <summary>Goes back to a tag, with the entries that it had.</summary>
    /// <param name="stamp">What <see cref="Stamp"/> was.</param>
    /// <returns>False when it is void.</returns>
    public bool TryResume(ulong stamp)
    {
        if (stamp >> 32 != Epoch) return false;
        _cpu->TlbTag = (uint)stamp & (TagLimit - 1);
        Enter((int)(stamp >> TagBits) & (Sets - 1));
        return true;
    }

    /// <summary>Gives the present address space a new tag. Others keep theirs.</summary>
    /// <param name="set">Which tables it uses: any number, of which the lowest bits count.</param>
    public void NewTag(int set)
    {
        Flushes++;
        if (++_lastTag >= TagLimit)
        {
            NativeMemory.Clear(_tables, (nuint)(AllEntries * sizeof(TlbEntry)));
            NativeMemory.Clear(_fetches, (nuint)(Sets * FetchEntries * sizeof(FetchEntry)));
            _enteredSets = 0;
            VoidTags();
            NewCodeEpoch();
            _lastTag = 1;
        }

        _cpu->TlbTag = _lastTag;
        Enter(set & (Sets - 1));
    }

    /// <summary>Drops everything: the present address space gets a new tag, and those of others are void.</summary>
    public void DropAll()
    {
        VoidTags();

        // Global translations end too.
        NewCodeEpoch();
        NewTag(_set);
    }

    /// <summary>Drops the entries of a page, under whatever tag. When it may be a piece of a large page, drops everything.</summary>
    public void DropPage(ulong linear)
    {
        if (Contains(_largeRegions, linear >> 21) || Contains(_hugeRegions, linear >> 30))
        {
            DropAll();
            _fetchesKnownFrom = _codeEpoch;
            return;
        }

        DropEntries(linear);
    }

    /// <summary>Drops the entries of a page, under whatever tag; of a large page only this piece.</summary>
    public void DropEntries(ulong linear)
    {
        ulong page = linear & PageMask;
        ForgetPages();
        _follower?.EndPage(page);
        for (int table = 0; table < Sets * TablesPerSet; table++)
        {
            TlbEntry* entry = GuestAccess.EntryFor(_tables + (table * GuestAccess.TlbEntries), linear);
            if (((entry->ReadTag ^ page) & TranslatedMask) != 0 && ((entry->WriteTag ^ page) & TranslatedMask) != 0) continue;
            *entry = default;
        }

        for (int i = 0; i < 2 * Sets; i++)
        {
            FetchEntry* fetch = FetchEntryFor(i >> 1, linear, (i & 1) != 0);
            if ((fetch->Tag & PageMask) != page) continue;
            *fetch = default;
        }

        // Blocks are found by RIP: the jump cache would go on using the old translation.
        if (!_codeFilter.MayContain(linear)) return;
        NewCodeEpoch();
        UpdateCodeTag();
    }

    /// <summary>Writes to a page take the slow path again, wherever linear addresses with these last-level table indices map it.</summary>
    /// <param name="index">Bits 20:12 of the linear address.</param>
    /// <param name="gpaPage">The page.</param>
    public void ForbidWrites(int index, ulong gpaPage)
    {
        // The index is a part of the entry's number; what remains of it is unknown here.
        ForgetPages();
        _follower?.CloseGuestPage(gpaPage);
        for (uint sets = _enteredSets; sets != 0; sets &= sets - 1)
        {
            TlbEntry* entries = EntriesOf(BitOperations.TrailingZeroCount(sets));
            for (int i = index; i < EntriesPerSet; i += EntriesOfLastLevel)
            {
                if ((entries[i].Page & PageMask) == gpaPage) entries[i].WriteTag = 0;
            }
        }
    }

    /// <summary>The page of a host address has become one that code was decoded from: writes to it now take the slow path.</summary>
    public void MarkCode(byte* host)
    {
        ulong page = (ulong)host & PageMask;
        ForgetPages();
        _follower?.CloseHostPage((byte*)page);
        for (uint sets = _enteredSets; sets != 0; sets &= sets - 1)
        {
            int first = BitOperations.TrailingZeroCount(sets) * EntriesPerSet;
            int end = first + EntriesPerSet;
            for (int i = first; i < end; i++)
            {
                int next = new ReadOnlySpan<uint>(_hosts + i, end - i).IndexOf(NumberOf(host));
                if (next < 0) break;
                i += next;
                if ((_tables[i].ReadTag & PageMask) + _tables[i].Addend == page) _tables[i].WriteTag = 0;
            }
        }
    }

    /// <summary>Drops the data translations that lead to a range of guest-physical addresses, under whatever tag. Those of fetches name no memory.</summary>
    /// <param name="start">First address, that of a page.</param>
    /// <param name="size">Bytes; whole pages.</param>
    public void DropRange(ulong start, ulong size)
    {
        ForgetPages();
        _follower?.EndRange(start, size);
        for (uint sets = _enteredSets; sets != 0; sets &= sets - 1)
        {
            TlbEntry* entries = EntriesOf(BitOperations.TrailingZeroCount(sets));
            for (int i = 0; i < EntriesPerSet; i++)
            {
                if ((entries[i].Page & PageMask) - start < size) entries[i] = default;
            }
        }
    }

    /// <summary>Notes that an entry is being filled for a page of host memory.</summary>
    public void NoteHost(TlbEntry* entry, byte* host) => _hosts[entry - _tables] = NumberOf(host);

    /// <summary>Notes that an entry is being filled for a page whose protection key isn't 0. Comes before it is changed.</summary>
    public void NoteKey(TlbEntry* entry) => _keyed.Note(entry);

    /// <summary>What some protection keys allow has changed: drops the data translations of their pages.</summary>
    /// <param name="keys">Two bits for each key, as in PKRU.</param>
    public void DropKeys(uint keys)
    {
        const uint KeyZero = 1;
        if ((keys & KeyZero) != 0) DropAll();
        else if (_keyed.Drop(keys)) ForgetPages();
    }

    /// <summary>Notes that a page of a size was split into entries of 4 KiB.</summary>
    public void NotePageSize(ulong linear, int pageShift)
    {
        const int FourMegabytes = 22;
        const int Gigabyte = 30;
        if (pageShift == 12) return;
        if (pageShift == Gigabyte)
        {
            Include(_hugeRegions, linear >> 30);
            return;
        }

        Include(_largeRegions, linear >> 21);
        if (pageShift == FourMegabytes) Include(_largeRegions, (linear >> 21) ^ 1);
    }

    /// <summary>Notes that blocks of a page go into the jump cache.</summary>
    public void NoteCode(ulong linear) => _codeFilter.Add(linear);

    /// <summary>Makes the jump cache forget, for all address spaces.</summary>
    public void NewCodeEpoch()
    {
        _codeEpoch++;
        NewJumpEpoch();
        _codeFilter.Clear();
    }

    /// <summary>Code is looked up again before it is branched to: what it was made of may have changed. No translation ends.</summary>
    public void DoubtCode()
    {
        NewJumpEpoch();
        UpdateCodeTag();
    }

    /// <summary>Follows a change of the tag or the mode.</summary>
    public void UpdateCodeTag()
    {
        ulong tag = ((ulong)_jumpEpoch << 32) | (_cpu->TlbTag << 16) | (uint)_cpu->Mode;
        if (tag == _cpu->CodeTag) return;
        _cpu->CodeTag = tag;
        _cpu->CodeKey = _contexts.KeyFor(tag);

        // No address space has tag 0.
        _cpu->GlobalKey = _contexts.KeyFor(tag & ~((TagLimit - 1UL) << 16));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_tables);
        NativeMemory.Free(_hosts);
        NativeMemory.Free(_fetches);
    }

    private FetchEntry* FetchEntryFor(int set, ulong linear, bool user) =>
        _fetches + (set * FetchEntries) + ((linear >> 12) & ((FetchEntries / 2) - 1)) + (user ? FetchEntries / 2 : 0);

    private static uint NumberOf(byte* host) => (uint)((ulong)host >> 12);

    private TlbEntry* EntriesOf(int set) => _tables + (set * EntriesPerSet);

    private void Enter(int set)
    {
        _set = set;
        _enteredSets |= 1u << set;
        _cpu->Tlb = Table(_table);
        ForgetPages();
        UpdateCodeTag();
        _follower?.FollowSpace();
    }

    /// <summary>Empties the slots of translated code, which it fills from the tables.</summary>
    public void ForgetPages()
    {
        PagesForgotten++;
        ForgetPages(0, 2 * PageSlots.PerBank);
    }

    private void ForgetPages(int first, int count)
    {
        foreach (ref PageSlot slot in ((Span<PageSlot>)_cpu->Slots).Slice(first, count))
        {
            slot.ReadLimit = 0;
            slot.WriteLimit = 0;
            slot.SingleReadLimit = 0;
            slot.SingleWriteLimit = 0;
        }
    }

    private void NewJumpEpoch()
    {
        if (++_jumpEpoch == 0) _blocks.ForgetJumps();
    }

    private void VoidTags()
    {
        Epoch++;
        Array.Clear(_largeRegions);
        Array.Clear(_hugeRegions);
    }

    private static void Include(ulong[] regions, ulong number) => regions[(number >> 6) & 63] |= 1UL << (int)number;

    private static bool Contains(ulong[] regions, ulong number) => (regions[(number >> 6) & 63] & (1UL << (int)number)) != 0;
}
