using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Helpers;
using Vitrine.Accelerators.Software.State;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Everything about a guest memory access that is not a TLB hit: page walks, TLB fills, page crossings, device memory,
/// writes to pages that code was decoded from, and the flushes that the architecture asks for.
/// </summary>
internal sealed unsafe class SoftMmu : IDisposable
{
    // SAFETY: _tables and _fetches are sized by the constants used to index them; host pointers come from HostFor, which
    // checks them against the slots. Only the vCPU's thread comes here.
    private const ulong PageMask = ~0xFFFUL;
    private const int TagLimit = 1 << 12;
    private const int FetchEntries = 256;
    private const int UserTable = 0;
    private const int SupervisorTable = 1;
    private const int OpenSupervisorTable = 2;
    private const int EmptyTable = 3;
    private const int MaxPhyAddr = X86.Cpuid.CpuModels.PhysicalAddressBits;

    private readonly CpuState* _cpu;
    private readonly SoftwareAccelerator _accelerator;
    private readonly Bus _bus;
    private readonly BlockCache _blocks;
    private readonly TlbEntry* _tables;
    private readonly FetchEntry* _fetches;
    private readonly ushort[] _pcidTags = new ushort[4096];

    // One bit per hash of a 2-MiB region: set when a large page in it was split into TLB entries.
    private readonly ulong[] _largeRegions = new ulong[64];

    // The same for 1-GiB pages and regions.
    private readonly ulong[] _hugeRegions = new ulong[64];
    private SlotView[] _slots = [];
    private SlotView? _lastSlot;
    private PagingContext _context;
    private uint _lastTag;
    private uint _codeEpoch;
    private ulong _codeBase;
    private uint _codeLimit;

    /// <summary>Creates the MMU of one vCPU.</summary>
    public SoftMmu(CpuState* cpu, SoftwareAccelerator accelerator, Bus bus, BlockCache blocks)
    {
        _cpu = cpu;
        _accelerator = accelerator;
        _bus = bus;
        _blocks = blocks;
        _tables = (TlbEntry*)NativeMemory.AllocZeroed(4 * GuestAccess.TlbEntries, (nuint)sizeof(TlbEntry));
        _fetches = (FetchEntry*)NativeMemory.AllocZeroed(FetchEntries, (nuint)sizeof(FetchEntry));
        ReloadSlots();
        FlushAll();
    }

    /// <summary>TLB misses that ended in a walk.</summary>
    public ulong Walks { get; private set; }

    /// <summary>Times that the translations of the present address space were dropped.</summary>
    public ulong Flushes { get; private set; }

    /// <summary>The processor announces 1-GiB pages; without them bit 7 of a PDPTE is reserved (SDM vol. 3, 4.5).</summary>
    public bool GigabytePages
    {
        get;
        set
        {
            field = value;
            FlushAll();
        }
    }

    /// <summary>Takes over the accelerator's slots and drops every translation.</summary>
    public void ReloadSlots()
    {
        _slots = _accelerator.Slots;
        _lastSlot = null;
    }

    /// <summary>
    /// Follows a change of CR0, CR4, EFER, CPL, RFLAGS.AC or DR7: which TLB is in use and what walks look at. Does not flush.
    /// </summary>
    public void RefreshMode()
    {
        PdpteRegisters pdptes = default;
        for (int i = 0; i < PdpteRegisters.Count; i++) pdptes[i] = _cpu->Pdpte[i];
        _context = new PagingContext(_cpu->Cr0, _cpu->Cr3, _cpu->Cr4, _cpu->Efer, MaxPhyAddr, GigabytePages, pdptes);
        bool user = _cpu->Cpl == 3;
        bool alignmentChecks = user && (_cpu->Cr0 & Cr0.AM) != 0 && (_cpu->SystemFlags & Rflags.AC) != 0;
        bool dataBreakpoints = (_cpu->Dr7 & 0xFF) != 0;
        int table = alignmentChecks || dataBreakpoints ? EmptyTable
            : user ? UserTable
            : _context.Smap && (_cpu->SystemFlags & Rflags.AC) != 0 ? OpenSupervisorTable
            : SupervisorTable;
        _cpu->Tlb = Table(table);
        _cpu->CodeTag = ((ulong)_codeEpoch << 32) | (_cpu->TlbTag << 16) | (uint)_cpu->Mode;
    }

    /// <summary>
    /// Follows CS outside 64-bit mode: blocks are looked up by RIP, which means another place when the base has changed, and
    /// may be beyond a changed limit.
    /// </summary>
    public void FollowCodeSegment()
    {
        ref SegmentCache cs = ref _cpu->Segments[Seg.Cs];
        if (cs.Base == _codeBase && cs.Limit == _codeLimit) return;
        _codeBase = cs.Base;
        _codeLimit = cs.Limit;
        NewCodeEpoch();
        RefreshMode();
    }

    /// <summary>Loads CR3 (SDM vol. 3, 4.10.4.1): translations of other PCIDs stay, those of this one only when asked for.</summary>
    /// <param name="value">The new CR3, bit 63 already taken off.</param>
    /// <param name="keepTranslations">Bit 63 of the source operand with CR4.PCIDE.</param>
    public void LoadCr3(ulong value, bool keepTranslations)
    {
        _cpu->Cr3 = value;
        if ((_cpu->Cr4 & Cr4.PCIDE) == 0)
        {
            NewTag();
            ForgetRegions();
        }
        else
        {
            ref ushort tag = ref _pcidTags[(int)(value & 0xFFF)];
            if (keepTranslations && tag != 0)
            {
                _cpu->TlbTag = tag;
            }
            else
            {
                NewTag();
                tag = (ushort)_cpu->TlbTag;
            }
        }

        RefreshMode();
    }

    /// <summary>Drops all translations, global ones and those of all PCIDs included.</summary>
    public void FlushAll()
    {
        Array.Clear(_pcidTags);
        NewTag();
        ForgetRegions();
        if ((_cpu->Cr4 & Cr4.PCIDE) != 0) _pcidTags[(int)(_cpu->Cr3 & 0xFFF)] = (ushort)_cpu->TlbTag;
        RefreshMode();
    }

    /// <summary>Drops the translations of one PCID (INVPCID type 1). Global ones may stay; they are dropped too.</summary>
    public void InvalidatePcid(uint pcid)
    {
        _pcidTags[pcid & 0xFFF] = 0;
        if ((_cpu->Cr3 & 0xFFF) == pcid) LoadCr3(_cpu->Cr3, keepTranslations: false);
    }

    /// <summary>
    /// Drops the translations of a linear address in every address space (more than INVLPG and INVPCID type 0 ask for).
    /// </summary>
    public void InvalidatePage(ulong linear)
    {
        if (Contains(_largeRegions, linear >> 21) || Contains(_hugeRegions, linear >> 30))
        {
            FlushAll();
            return;
        }

        ulong page = linear & PageMask;
        for (int table = 0; table < 3; table++)
        {
            TlbEntry* entry = GuestAccess.EntryFor(Table(table), linear);
            if ((entry->ReadTag & PageMask) != page && (entry->WriteTag & PageMask) != page) continue;
            *entry = default;
        }

        for (int user = 0; user < 2; user++)
        {
            FetchEntry* fetch = FetchEntryFor(linear, user != 0);
            if ((fetch->Tag & PageMask) != page) continue;
            *fetch = default;
        }

        // Blocks are found by RIP: the jump cache would go on using the old translation.
        if (_codeFilter.MayContain(linear)) NewCodeEpoch();
        RefreshMode();
    }

    /// <summary>Host address of a range, or null when it is not wholly inside one slot.</summary>
    public byte* HostFor(ulong gpa, int size, out SlotView? slot)
    {
        SlotView? found = _lastSlot;
        if (found is null || gpa - found.Start >= found.Size)
        {
            found = null;
            foreach (SlotView candidate in _slots)
            {
                if (gpa - candidate.Start < candidate.Size)
                {
                    found = candidate;
                    break;
                }
            }

            if (found is null)
            {
                slot = null;
                return null;
            }

            _lastSlot = found;
        }

        slot = found;
        ulong offset = gpa - found.Start;
        return found.Size - offset >= (ulong)size ? found.Host + offset : null;
    }

    /// <summary>Reads with the rights of the present mode; see <see cref="GuestAccess"/> for what false means.</summary>
    public bool Read(Op* op, ulong linear, byte* destination, int size)
    {
        PageAccess access = PresentAccess();
        if (!CheckCanonical(op, linear, size) || !CheckSpecial(op, linear, size, write: false)) return false;

        // A device must not see an access that the second page then refuses.
        if (CrossesPage(linear, size) && !Probe(op, linear, size, access, _cpu->Tlb)) return false;
        while (size > 0)
        {
            linear = Wrap(linear);
            int chunk = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
            if (!Translate(op, linear, access, _cpu->Tlb, out ulong gpa)) return false;
            byte* host = HostFor(gpa, chunk, out _);
            if (host != null) Buffer.MemoryCopy(host, destination, chunk, chunk);
            else if (!_bus.MemoryRead(op, gpa, destination, chunk)) return false;
            linear += (ulong)chunk;
            destination += chunk;
            size -= chunk;
        }

        return true;
    }

    /// <summary>Writes with the rights of the present mode. The range must have passed <see cref="ProbeWrite"/>.</summary>
    public bool Write(Op* op, ulong linear, byte* source, int size)
    {
        if (!CrossesPage(linear, size)) return WriteParts(op, linear, source, size, toBus: true, toMemory: true);

        // Memory comes last: an instruction that leaves for the bus runs again, and must find what it read unchanged.
        return WriteParts(op, linear, source, size, toBus: true, toMemory: false) &&
            WriteParts(op, linear, source, size, toBus: false, toMemory: true);
    }

    /// <summary>Checks that a write of the range won't fault.</summary>
    public bool ProbeWrite(Op* op, ulong linear, int size) =>
        CheckCanonical(op, linear, size) && CheckSpecial(op, linear, size, write: true) && Probe(op, linear, size, PresentAccess() | PageAccess.Write, _cpu->Tlb);

    /// <summary>Checks that a read of the range won't fault.</summary>
    public bool ProbeRead(Op* op, ulong linear, int size) => Probe(op, linear, size, PresentAccess(), _cpu->Tlb);

    /// <summary>Checks that a write of the range by the processor itself won't fault.</summary>
    public bool ProbeWriteAsSupervisor(ulong linear, int size) =>
        Probe(null, linear, size, PageAccess.Write, Table(SupervisorTable));

    /// <summary>
    /// An access that the processor makes for itself. Device memory can't serve it: reads are all ones, writes are lost.
    /// </summary>
    public bool AsSupervisor(ulong linear, byte* data, int size, bool write)
    {
        PageAccess access = write ? PageAccess.Write : PageAccess.Read;
        if (write && !Probe(null, linear, size, access, Table(SupervisorTable))) return false;
        while (size > 0)
        {
            linear = Wrap(linear);
            int chunk = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
            if (!Translate(null, linear, access, Table(SupervisorTable), out ulong gpa)) return false;
            byte* host = HostFor(gpa, chunk, out SlotView? slot);
            if (write)
            {
                if (host != null && !slot!.ReadOnly) WriteSlot(slot, gpa, host, data, chunk);
            }
            else if (host != null)
            {
                Buffer.MemoryCopy(host, data, chunk, chunk);
            }
            else
            {
                NativeMemory.Fill(data, (nuint)chunk, 0xFF);
            }

            linear += (ulong)chunk;
            data += chunk;
            size -= chunk;
        }

        return true;
    }

    /// <summary>Translates the address of an instruction.</summary>
    /// <param name="linear">Its linear address.</param>
    /// <param name="gpa">Its guest-physical address.</param>
    /// <returns>False when a fault is recorded.</returns>
    public bool TryFetch(ulong linear, out ulong gpa)
    {
        bool user = _cpu->Cpl == 3;
        FetchEntry* entry = FetchEntryFor(linear, user);
        ulong tag = (linear & PageMask) | _cpu->TlbTag;

        // Also on a hit: the filter may have been emptied since.
        _codeFilter.Add(linear);
        if (entry->Tag == tag)
        {
            gpa = entry->GpaPage | (linear & 0xFFF);
            return true;
        }

        gpa = 0;
        if ((_cpu->Mode & ExecutionMode.LongMode) != 0 && !IsCanonical(linear))
        {
            _cpu->SetFault(ExceptionVector.GP, 0);
            return false;
        }

        PageAccess access = PageAccess.Fetch | (user ? PageAccess.User : 0);
        if (!Walk(linear, access, out PageWalkResult result)) return false;
        gpa = result.Gpa;
        entry->Tag = tag;
        entry->GpaPage = gpa & PageMask;
        NoteLargePage(linear, result.PageShift);
        return true;
    }

    /// <summary>The page of a host address has become one that code was decoded from: writes to it now take the slow path.</summary>
    public void MarkCode(byte* host)
    {
        ulong page = (ulong)host & PageMask;
        for (int i = 0; i < 3 * GuestAccess.TlbEntries; i++)
        {
            if ((_tables[i].ReadTag & PageMask) + _tables[i].Addend == page) _tables[i].WriteTag = 0;
        }
    }

    /// <summary>Bytes of a slot are about to change: code that was decoded from them is dropped.</summary>
    public void DropCode(byte* host, int size) => _blocks.Invalidate(host, size);

    /// <summary>Translates without side effects and whatever the rights, for tools.</summary>
    public bool TryTranslate(ulong linear, out ulong gpa)
    {
        gpa = 0;
        if ((_cpu->Mode & ExecutionMode.LongMode) != 0 && !IsCanonical(linear)) return false;
        GuestTables tables = new(this);
        bool mapped = PageWalker.Walk(
            in _context, ref tables, linear, PageAccess.SmapOverride | PageAccess.LeaveAccessedDirty, out PageWalkResult result);
        gpa = result.Gpa;
        return mapped;
    }

    /// <summary>Loads the PAE page-directory pointers from the table at a CR3 value (SDM vol. 3, 4.4.1).</summary>
    /// <returns>False when a reserved bit is set: the instruction raises #GP(0); the old pointers stay.</returns>
    public bool TryLoadPdptes(ulong cr3)
    {
        GuestTables tables = new(this);
        if (!PdpteRegisters.TryLoad(ref tables, cr3, MaxPhyAddr, out PdpteRegisters registers)) return false;
        for (int i = 0; i < PdpteRegisters.Count; i++) _cpu->Pdpte[i] = registers[i];
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_tables);
        NativeMemory.Free(_fetches);
    }

    private CodeFilter _codeFilter;

    private TlbEntry* Table(int number) => _tables + (number * GuestAccess.TlbEntries);

    private FetchEntry* FetchEntryFor(ulong linear, bool user) =>
        _fetches + ((linear >> 12) & ((FetchEntries / 2) - 1)) + (user ? FetchEntries / 2 : 0);

    private PageAccess PresentAccess() =>
        _cpu->Cpl == 3 ? PageAccess.User
        : (_cpu->SystemFlags & Rflags.AC) != 0 ? PageAccess.SmapOverride
        : PageAccess.Read;

    private ulong Wrap(ulong linear) => (_cpu->Mode & ExecutionMode.LongMode) != 0 ? linear : (uint)linear;

    private static bool IsCanonical(ulong linear) => (ulong)((long)(linear << 16) >> 16) == linear;

    private static bool CrossesPage(ulong linear, int size) => (linear & 0xFFF) + (ulong)size > 0x1000;

    /// <summary>An operand that begins or ends at an address that isn't canonical faults before its pages and its alignment are looked at.</summary>
    private bool CheckCanonical(Op* op, ulong linear, int size)
    {
        if ((_cpu->Mode & ExecutionMode.LongMode) == 0 || (IsCanonical(linear) && IsCanonical(linear + (ulong)(size - 1)))) return true;
        return RaiseNotCanonical(op);
    }

    private bool RaiseNotCanonical(Op* op)
    {
        bool stack = op != null && op->Segment == Seg.Ss && (op->Traits & OpTraits.Memory) != 0;
        _cpu->SetFault(stack ? ExceptionVector.SS : ExceptionVector.GP, 0);
        return false;
    }

    private bool Probe(Op* op, ulong linear, int size, PageAccess access, TlbEntry* tlb)
    {
        if (!CheckCanonical(op, linear, size)) return false;
        while (size > 0)
        {
            linear = Wrap(linear);
            int chunk = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
            if (!Translate(op, linear, access, tlb, out _)) return false;
            linear += (ulong)chunk;
            size -= chunk;
        }

        return true;
    }

    private bool Translate(Op* op, ulong linear, PageAccess access, TlbEntry* tlb, out ulong gpa)
    {
        TlbEntry* entry = GuestAccess.EntryFor(tlb, linear);
        ulong tag = (linear & PageMask) | _cpu->TlbTag;
        bool write = (access & PageAccess.Write) != 0;
        if (entry->ReadTag == tag && (!write || (entry->Page & 1) != 0))
        {
            gpa = (entry->Page & PageMask) | (linear & 0xFFF);
            return true;
        }

        gpa = 0;
        if ((_cpu->Mode & ExecutionMode.LongMode) != 0 && !IsCanonical(linear)) return RaiseNotCanonical(op);
        if (!Walk(linear, access, out PageWalkResult result)) return false;
        gpa = result.Gpa;
        if (tlb != Table(EmptyTable)) Fill(entry, tag, linear, in result, access);
        return true;
    }

    private bool Walk(ulong linear, PageAccess access, out PageWalkResult result)
    {
        Walks++;
        GuestTables tables = new(this);
        if (PageWalker.Walk(in _context, ref tables, linear, access, out result)) return true;
        _cpu->Cr2 = linear;
        _cpu->SetFault(ExceptionVector.PF, result.ErrorCode);
        return false;
    }

    private void Fill(TlbEntry* entry, ulong tag, ulong linear, in PageWalkResult result, PageAccess access)
    {
        byte* host = HostFor(result.Gpa & PageMask, 0x1000, out SlotView? slot);
        if (host == null) return;
        bool writable = !slot!.ReadOnly && (result.Rights & PageRights.Dirty) != 0 && _context.Permits(result.Rights, access | PageAccess.Write);
        entry->ReadTag = tag;
        entry->Addend = (ulong)host - (linear & PageMask);
        entry->Page = (result.Gpa & PageMask) | (writable ? 1UL : 0);

        // Where writes are logged, the first one sets the tag.
        entry->WriteTag = writable && !slot.LogsWrites && !_blocks.HasCode(host) ? tag : 0;
        NoteLargePage(linear, result.PageShift);
    }

    private void NoteLargePage(ulong linear, int pageShift)
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

    private static void Include(ulong[] regions, ulong number) => regions[(number >> 6) & 63] |= 1UL << (int)number;

    private static bool Contains(ulong[] regions, ulong number) => (regions[(number >> 6) & 63] & (1UL << (int)number)) != 0;

    private void ForgetRegions()
    {
        Array.Clear(_largeRegions);
        Array.Clear(_hugeRegions);
    }

    private bool WriteParts(Op* op, ulong linear, byte* source, int size, bool toBus, bool toMemory)
    {
        PageAccess access = PresentAccess() | PageAccess.Write;
        while (size > 0)
        {
            linear = Wrap(linear);
            int chunk = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
            if (!Translate(op, linear, access, _cpu->Tlb, out ulong gpa)) return false;
            byte* host = HostFor(gpa, chunk, out SlotView? slot);
            if (host == null || slot!.ReadOnly)
            {
                if (toBus && !_bus.MemoryWrite(op, gpa, source, chunk)) return false;
            }
            else if (toMemory)
            {
                WriteSlot(slot, gpa, host, source, chunk);
                OpenForWrites(linear, host);
            }

            linear += (ulong)chunk;
            source += chunk;
            size -= chunk;
        }

        return true;
    }

    private void WriteSlot(SlotView slot, ulong gpa, byte* host, byte* source, int size)
    {
        DropCode(host, size);
        Buffer.MemoryCopy(source, host, size, size);

        // Behind the write: who takes the mark must also see the data.
        slot.MarkDirty(gpa);
    }

    /// <summary>Lets further writes of a page take the fast path, now that nobody needs to know about them.</summary>
    private void OpenForWrites(ulong linear, byte* host)
    {
        TlbEntry* entry = GuestAccess.EntryFor(_cpu->Tlb, linear);
        ulong tag = (linear & PageMask) | _cpu->TlbTag;
        if (entry->ReadTag == tag && (entry->Page & 1) != 0 && !_blocks.HasCode(host)) entry->WriteTag = tag;
    }

    /// <summary>Alignment checks and data breakpoints; both only where the TLB is kept empty for them.</summary>
    private bool CheckSpecial(Op* op, ulong linear, int size, bool write)
    {
        if (_cpu->Tlb != Table(EmptyTable)) return true;
        if (_cpu->Cpl == 3 && (_cpu->Cr0 & Cr0.AM) != 0 && (_cpu->SystemFlags & Rflags.AC) != 0 &&
            (linear & (ulong)(Alignment(size) - 1)) != 0)
        {
            _cpu->SetFault(ExceptionVector.AC, 0);
            return false;
        }

        DebugEvents.NoteData(_cpu, linear, size, write);
        return true;
    }

    /// <summary>
    /// The alignment that #AC asks for (SDM vol. 3, table 6-7): of numbers their size, 8 for extended precision and packed
    /// decimals, 2 or 4 for an x87 environment or state of 16- or 32-bit form. Larger operands have rules of their own.
    /// </summary>
    private static int Alignment(int size) => size switch
    {
        2 or 14 or 94 => 2,
        4 or 28 or 108 => 4,
        8 or 10 => 8,
        _ => 1,
    };

    private void NewTag()
    {
        Flushes++;
        if (++_lastTag >= TagLimit)
        {
            NativeMemory.Clear(_tables, (nuint)(4 * GuestAccess.TlbEntries * sizeof(TlbEntry)));
            NativeMemory.Clear(_fetches, (nuint)(FetchEntries * sizeof(FetchEntry)));
            Array.Clear(_pcidTags);
            ForgetRegions();
            NewCodeEpoch();
            _lastTag = 1;
        }

        _cpu->TlbTag = _lastTag;
    }

    private void NewCodeEpoch()
    {
        if (++_codeEpoch == 0) _blocks.ForgetJumps();
        _codeFilter.Clear();
    }
}
