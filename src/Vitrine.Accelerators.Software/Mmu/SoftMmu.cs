using System.Runtime.InteropServices;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu.Shadow;
using Vitrine.Accelerators.Software.Mmu.TwoDimensional;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Everything about a guest memory access that is not a TLB hit. Here: what the paging registers say, and the flushes that the
/// architecture asks for. The <see cref="Tlb"/> holds translations, the <see cref="AddressTranslator"/> makes them.
/// </summary>
internal sealed unsafe partial class SoftMmu : IMmuInspection, IDisposable
{
    // SAFETY: _cpu is the vCPU's own state and outlives this object. Only the vCPU's thread comes here.
    private const ulong PageMask = Page.AddressMask;
    private const uint PcidMask = 0xFFF;

    private readonly CpuState* _cpu;
    private readonly VcpuPresence _presence;
    private readonly Bus _bus;
    private readonly CodeGuard _guard;
    private readonly GuestPhysicalMemory _memory = new();
    private readonly Tlb _tlb;
    private readonly AddressTranslator _translator;
    private readonly SlotTable _slots;
    private GCHandle<SoftMmu> _handle;
    private PagingContext _context;
    private ulong _contextCr0;
    private ulong _contextCr4;
    private ulong _contextEfer;
    private ulong _misses;
    private ulong _guestFaults;
    private WriteOverlay? _trial;
    private TlbEntry* _tableOfTrial;
    private WriteWatch? _watch;
    private ulong _codeBase;
    private uint _codeLimit;

    /// <summary>The MMU of a state, which leads to it from now on.</summary>
    /// <param name="cpu">The state of the vCPU.</param>
    /// <param name="presence">The vCPU among the others.</param>
    /// <param name="group">All vCPUs of the machine.</param>
    /// <param name="bus">Where accesses go that no slot answers.</param>
    /// <param name="blocks">The code that was decoded from memory.</param>
    /// <param name="slots">The machine's slots, which it follows.</param>
    /// <param name="mode">What stands behind the TLB.</param>
    public SoftMmu(CpuState* cpu, VcpuPresence presence, VcpuGroup group, Bus bus, BlockCache blocks, SlotTable slots, MmuMode mode)
    {
        _cpu = cpu;
        _presence = presence;
        _bus = bus;
        _handle = new GCHandle<SoftMmu>(this);
        cpu->MmuHandle = GCHandle<SoftMmu>.ToIntPtr(_handle);
        _tlb = new Tlb(cpu, blocks);
        _guard = new CodeGuard(presence.Id, blocks, _tlb, group);
        _slots = slots;
        _memory.Load(slots.Views);
        _translator = mode == MmuMode.Shadow ? new ShadowPaging(_memory, _guard, _tlb, group.PageUses!) : new TwoDimensionalPaging(_memory, _guard, _tlb);
        Reset();
    }

    /// <summary>The MMU of a state. For slow paths.</summary>
    public static SoftMmu Of(CpuState* cpu) => GCHandle<SoftMmu>.FromIntPtr(cpu->MmuHandle).Target;

    /// <summary>True when no other vCPU runs, nor can before this one has completed its instruction.</summary>
    public bool IsAlone => _presence.IsAlone;

    /// <inheritdoc/>
    public MmuMode Mode => _translator.Mode;

    /// <inheritdoc/>
    public int PagesInUse => _translator.PagesInUse;

    /// <inheritdoc/>
    public MmuCounters Counters => _translator.Counters with { TlbMisses = _misses, GuestFaults = _guestFaults, Flushes = _tlb.Flushes };

    /// <summary>What stands behind the TLB, for tests.</summary>
    internal AddressTranslator Translator => _translator;

    /// <summary>The processor announces 1-GiB pages; without them bit 7 of a PDPTE is reserved (SDM vol. 3, 4.5).</summary>
    public bool GigabytePages
    {
        get;
        set
        {
            field = value;
            Reset();
        }
    }

    /// <summary>Width of physical addresses in bits: those above it are reserved in page tables.</summary>
    public int PhysicalAddressBits
    {
        get;
        set
        {
            if (field == value) return;
            field = value;
            Reset();
        }
    } = X86.Cpuid.CpuModels.PhysicalAddressBits;

    /// <inheritdoc/>
    public IReadOnlyList<ShadowStep> InspectShadow(ulong linear)
    {
        FollowSlots();
        return IsTranslatable(linear) ? _translator.InspectShadow(in _context, linear) : [];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TwoDimensionalReference> InspectTwoDimensional(ulong linear)
    {
        FollowSlots();
        return IsTranslatable(linear) ? _translator.InspectTwoDimensional(in _context, linear) : [];
    }

    /// <summary>Takes over the machine's slots, if they have changed. What leads to memory of slots that stay, stays. Between blocks.</summary>
    public void FollowSlots()
    {
        int version = _slots.Version;
        if (_presence.SlotVersion == version) return;
        SlotView[] before = _memory.Slots;
        SlotView[] after = _slots.Views;
        _memory.Load(after);
        SlotView[] removed = [.. before.Except(after)];
        _translator.FollowSlots(removed, [.. after.Except(before)]);
        foreach (SlotView slot in removed)
        {
            _tlb.DropRange(slot.Start, slot.Size);

            // Branches are bound to the code that their targets' addresses led to.
            if (_guard.HasCodeIn(slot.Host, slot.Size)) _tlb.NewCodeEpoch();

            // Other memory may have come to the same host address already. Code that is compared with memory would show it, and PC firmware has slots come and go.
            if (!_guard.Verifies && !Array.Exists(after, other => other.Slot.Host == slot.Slot.Host)) _guard.DropMemory(slot.Host, slot.Size);
        }

        if (_guard.Verifies) DoubtCode();
        _tlb.UpdateCodeTag();
        _presence.SlotVersion = version;
    }

    /// <summary>Where memory is written by others: code is compared with it before it runs again. Translations of addresses stay. Between blocks.</summary>
    public void DoubtCode()
    {
        _guard.Doubt();
        _tlb.DoubtCode();
    }

    /// <summary>Memory, slots or registers may have changed in any way: forgets everything that was derived from them. Code is the caller's concern.</summary>
    public void Reset()
    {
        int version = _slots.Version;
        _memory.Load(_slots.Views);
        ForgetControlRegisters();
        _translator.Reset();
        FlushAll();
        _presence.SlotVersion = version;
    }

    /// <summary>
    /// Follows a change of CR0, CR4, EFER, CPL, RFLAGS.AC or DR7: which TLB is in use and what walks look at. Does not flush.
    /// </summary>
    public void RefreshMode()
    {
        FollowControlRegisters();
        bool user = _cpu->Cpl == 3;
        bool alignmentChecks = user && (_cpu->Cr0 & Cr0.AM) != 0 && (_cpu->SystemFlags & Rflags.AC) != 0;
        bool dataBreakpoints = (_cpu->Dr7 & 0xFF) != 0;
        int table = alignmentChecks || dataBreakpoints ? Tlb.EmptyTable
            : user ? Tlb.UserTable
            : _context.Smap && (_cpu->SystemFlags & Rflags.AC) != 0 ? Tlb.OpenSupervisorTable
            : Tlb.SupervisorTable;
        _tlb.Use(table);
        _tlb.UpdateCodeTag();
    }

    // Most changes of the mode are changes of privilege, which leave these alone.
    private void FollowControlRegisters()
    {
        PdpteRegisters pdptes = default;
        bool pae = (_cpu->Cr4 & Cr4.PAE) != 0 && (_cpu->Efer & Efer.LMA) == 0;
        if (_context.Cr3 == _cpu->Cr3 && _contextCr0 == _cpu->Cr0 && _contextCr4 == _cpu->Cr4 && _contextEfer == _cpu->Efer && !pae &&
            _context.GigabytePages == GigabytePages && _context.MaxPhyAddr == PhysicalAddressBits)
        {
            return;
        }

        for (int i = 0; i < PdpteRegisters.Count; i++) pdptes[i] = _cpu->Pdpte[i];
        _context = new PagingContext(_cpu->Cr0, _cpu->Cr3, _cpu->Cr4, _cpu->Efer, PhysicalAddressBits, GigabytePages, pdptes, _cpu->Pkru, _cpu->Pkrs);
        _contextCr0 = _cpu->Cr0;
        _contextCr4 = _cpu->Cr4;
        _contextEfer = _cpu->Efer;
    }

    /// <summary>Loads PKRU and IA32_PKRS. No translation ends, but the TLB's entries hold what the old values allowed.</summary>
    public void LoadKeys(uint pkru, uint pkrs)
    {
        if (_cpu->Pkru == pkru && _cpu->Pkrs == pkrs) return;
        (uint user, uint supervisor) = (_context.UserKeys, _context.SupervisorKeys);
        _cpu->Pkru = pkru;
        _cpu->Pkrs = pkrs;
        ForgetControlRegisters();
        FollowControlRegisters();
        uint changed = ProtectionKey.Changes(user, _context.UserKeys) | ProtectionKey.Changes(supervisor, _context.SupervisorKeys);
        if (changed != 0) _tlb.DropKeys(changed);
    }

    // The keys' registers are not among those that are compared at each change of the mode.
    private void ForgetControlRegisters() => _contextCr4 = ulong.MaxValue;

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
        _tlb.NewCodeEpoch();
        _tlb.UpdateCodeTag();
    }

    /// <summary>Loads CR3 (SDM vol. 3, 4.10.4.1): translations of other PCIDs stay, those of this one only when asked for.</summary>
    /// <param name="value">The new CR3, bit 63 already taken off.</param>
    /// <param name="keepTranslations">Bit 63 of the source operand with CR4.PCIDE.</param>
    public void LoadCr3(ulong value, bool keepTranslations)
    {
        FollowTableWrites();
        _cpu->Cr3 = value;
        RefreshMode();
        _translator.LoadRoot(in _context, PresentPcid, (_cpu->Cr4 & Cr4.PCIDE) != 0, keepTranslations);
    }

    /// <summary>Ends all translations, global ones and those of all PCIDs included.</summary>
    public void FlushAll()
    {
        FollowTableWrites();
        RefreshMode();
        _translator.FlushAll(in _context, PresentPcid);
    }

    /// <summary>The present address space: the same number means that no translation of it has ended but those that the follower was told of.</summary>
    public ulong Space => _tlb.Stamp;

    /// <summary>Low bits of <see cref="Space"/> that tell present address spaces apart, below 4096.</summary>
    public int SpaceTag => (int)_cpu->TlbTag;

    /// <summary>Somebody keeps translations beside the TLB from now on.</summary>
    public void Attach(ITranslationFollower follower) => _tlb.Attach(follower);

    /// <summary>Drops what the TLB holds, so that the next accesses come by here again. No translation ends.</summary>
    public void FlushTlb() => _tlb.DropAll();

    /// <summary>Ends the translations of one PCID (INVPCID type 1). Global ones may stay; they end too.</summary>
    public void InvalidatePcid(uint pcid)
    {
        if (PresentPcid == pcid) LoadCr3(_cpu->Cr3, keepTranslations: false);
        else _translator.InvalidatePcid(pcid);
    }

    /// <summary>
    /// Ends the translations of a linear address in every address space (more than INVLPG and INVPCID type 0 ask for).
    /// </summary>
    public void InvalidatePage(ulong linear)
    {
        if (!IsTranslatable(linear)) return;
        FollowTableWrites();
        _translator.InvalidatePage(in _context, linear);
        _tlb.DropPage(linear);
    }

    /// <summary>Host address of a range, or null when it is not wholly inside one slot.</summary>
    public byte* HostFor(ulong gpa, int size, out SlotView? slot) => _memory.HostFor(gpa, size, out slot);

    /// <summary>The guest-physical address of a byte of the host, for tools; null where it belongs to no slot.</summary>
    public ulong? PhysicalOf(ulong host) => _memory.PhysicalOf(host);

    /// <summary>Translates the address of an instruction.</summary>
    /// <param name="linear">Its linear address.</param>
    /// <param name="gpa">Its guest-physical address.</param>
    /// <param name="isGlobal">A load of CR3 doesn't end the translation.</param>
    /// <returns>False when a fault is recorded.</returns>
    public bool TryFetch(ulong linear, out ulong gpa, out bool isGlobal)
    {
        isGlobal = false;
        bool user = _cpu->Cpl == 3;
        FetchEntry* entry = _tlb.FetchEntryFor(linear, user);
        FetchEntry* global = null;
        if (entry->Tag == _tlb.TagFor(linear) || (global = _tlb.GlobalFetchEntry(linear, user)) != null)
        {
            if (global != null) entry = global;

            // Again: the filter may have been emptied since.
            _tlb.NoteCode(linear);
            gpa = (entry->GpaPage & PageMask) | (linear & 0xFFF);
            isGlobal = (entry->GpaPage & 1) != 0;
            return true;
        }

        gpa = 0;
        if (!IsTranslatable(linear))
        {
            _cpu->SetFault(ExceptionVector.GP, 0);
            return false;
        }

        PageAccess access = PageAccess.Fetch | (user ? PageAccess.User : 0);
        if (!Miss(linear, access, out Translation translation)) return false;
        gpa = translation.Gpa;

        if (_guard.Verifies && !_tlb.KnowsFetch(linear, gpa, user)) SuspectCode(gpa);

        // Only now: the translator may have changed the tag.
        entry->Tag = _tlb.TagFor(linear);
        isGlobal = (translation.Rights & PageRights.Global) != 0;
        entry->GpaPage = (gpa & PageMask) | (isGlobal ? 1UL : 0);
        entry->Epoch = _tlb.CodeEpoch;
        _tlb.NotePageSize(linear, translation.PageShift);
        _tlb.NoteCode(linear);
        return true;
    }

    private void SuspectCode(ulong gpa)
    {
        byte* host = _memory.HostFor(gpa, 1, out _);
        if (host != null) _guard.NoteFetch(host);
    }

    /// <summary>As <see cref="TryFetch"/>, without a fault where it isn't allowed.</summary>
    public bool CanFetch(ulong linear, out ulong gpa)
    {
        ulong cr2 = _cpu->Cr2;
        LeaveReason leave = _cpu->Leave;
        if (TryFetch(linear, out gpa, out _)) return true;
        _cpu->Cr2 = cr2;
        _cpu->Leave = leave;
        return false;
    }

    /// <summary>Times that the slots of translated code were emptied.</summary>
    public ulong PagesForgotten => _tlb.PagesForgotten;

    /// <summary>Keeps decoded code and writes apart.</summary>
    public CodeGuard Guard => _guard;

    /// <summary>Translates without side effects and whatever the rights, for tools.</summary>
    public bool TryTranslate(ulong linear, out ulong gpa)
    {
        gpa = 0;
        if (!IsTranslatable(linear)) return false;
        GuestTables tables = new(_memory, _guard);
        bool mapped = PageWalker.Walk(
            in _context, ref tables, linear, PageAccess.SmapOverride | PageAccess.KeyOverride | PageAccess.LeaveAccessedDirty, out PageWalkResult result);
        gpa = result.Gpa;
        return mapped;
    }

    /// <summary>Loads the PAE page-directory pointers from the table at a CR3 value (SDM vol. 3, 4.4.1).</summary>
    /// <returns>False when a reserved bit is set: the instruction raises #GP(0); the old pointers stay.</returns>
    public bool TryLoadPdptes(ulong cr3)
    {
        GuestTables tables = new(_memory, _guard);
        if (!PdpteRegisters.TryLoad(ref tables, cr3, PhysicalAddressBits, out PdpteRegisters registers)) return false;
        for (int i = 0; i < PdpteRegisters.Count; i++) _cpu->Pdpte[i] = registers[i];
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle.Dispose();
        _translator.Dispose();
        _tlb.Dispose();
    }

    private uint PresentPcid => (_cpu->Cr4 & Cr4.PCIDE) != 0 ? (uint)_cpu->Cr3 & PcidMask : 0;

    /// <summary>
    /// What an instruction's data access uses for a pointer: with linear-address masking, whose bits may be anything, the address without them.
    /// Elsewhere, and where it isn't canonical even so, the pointer.
    /// </summary>
    private ulong Masked(ulong pointer) => (_cpu->Mode & ExecutionMode.LongMode) != 0 ? _context.WithoutMetadata(pointer) : pointer;

    /// <summary>An instruction may access data at an address, as far as its form goes (SDM vol. 3, 4.4 and vol. 1, 3.3.7.1).</summary>
    public bool IsDataAddress(ulong pointer) => (_cpu->Mode & ExecutionMode.LongMode) == 0 || IsCanonical(pointer) || IsCanonical(Masked(pointer));

    private bool IsTranslatable(ulong linear) => (_cpu->Mode & ExecutionMode.LongMode) == 0 || IsCanonical(linear);
}
