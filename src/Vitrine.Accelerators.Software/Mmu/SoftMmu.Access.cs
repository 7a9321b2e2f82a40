using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Statistics;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Mmu;

/// <content>Accesses by the slow path: page crossings, device memory, writes that somebody must know of.</content>
internal sealed unsafe partial class SoftMmu
{
    // SAFETY: host pointers come from HostFor, which checks them against the slots; buffers are the callers' and as long as they say.
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
            byte* host = _memory.HostFor(gpa, chunk, out _);
            if (host != null) OperandCopy.Copy(host, destination, chunk);
            else if (_trial != null) return Refuse();
            else if (!_bus.MemoryRead(op, gpa, destination, chunk)) return false;
            _trial?.Apply(gpa, destination, chunk);
            linear += (ulong)chunk;
            destination += chunk;
            size -= chunk;
        }

        return true;
    }

    /// <summary>
    /// Writes up to 4 KiB with the rights of the present mode. The range must have passed <see cref="ProbeWrite"/>.
    /// </summary>
    public bool Write(Op* op, ulong linear, byte* source, int size)
    {
        // Both pages are translated before either is written: the first may hold the tables that map the second.
        PageAccess access = PresentAccess() | PageAccess.Write;
        int first = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
        ulong next = Wrap(linear + (ulong)first);
        ulong nextGpa = 0;
        if (!Translate(op, Wrap(linear), access, _cpu->Tlb, out ulong gpa)) return false;
        if (first < size && !Translate(op, next, access, _cpu->Tlb, out nextGpa)) return false;

        // Memory comes last: an instruction that leaves for the bus runs again, and must find what it read unchanged.
        if (!WriteToBus(op, gpa, source, first) || (first < size && !WriteToBus(op, nextGpa, source + first, size - first))) return false;
        WriteToMemory(Wrap(linear), gpa, source, first);
        if (first < size) WriteToMemory(next, nextGpa, source + first, size - first);
        return true;
    }

    /// <summary>Brings a page into the TLB for an access of translated code.</summary>
    /// <param name="linear">The access's first byte.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="write">It is a write, or a read and a write.</param>
    public RefillOutcome Refill(ulong linear, int size, bool write)
    {
        if (!IsDataAddress(linear) || CrossesPage(linear, size) || _cpu->Tlb == _tlb.Table(Tlb.EmptyTable)) return RefillOutcome.Unsuited;
        TlbEntry* entry = GuestAccess.EntryFor(_cpu->Tlb, linear);
        if (Matches(entry, linear, write)) return RefillOutcome.Filled;
        ulong forgotten = _tlb.PagesForgotten;
        PageAccess access = PresentAccess() | (write ? PageAccess.Write : PageAccess.Read);
        if (!Translate(null, linear, access, _cpu->Tlb, out _)) return RefillOutcome.Fault;

        // The translator may have gone over to the other tables.
        entry = GuestAccess.EntryFor(_cpu->Tlb, linear);
        if (_watch != null && write) OpenWatched(entry, linear);
        return !Matches(entry, linear, write) ? RefillOutcome.Unsuited
            : _tlb.PagesForgotten != forgotten ? RefillOutcome.FilledAlone
            : RefillOutcome.Filled;
    }

    /// <summary>Translates a user's access for somebody who maps whole pages, as an access of an instruction would be: accessed and dirty bits are set.</summary>
    /// <param name="linear">The access's address.</param>
    /// <param name="access">Whether it reads, writes or fetches.</param>
    /// <param name="mapping">What may be mapped at the address, until the <see cref="ITranslationFollower"/> hears otherwise.</param>
    public MapOutcome TryMapForUser(ulong linear, PageAccess access, out UserMapping mapping)
    {
        mapping = default;
        if (!IsCanonical(linear)) return MapOutcome.Unsuited;
        if (!Miss(linear, access | PageAccess.User, out Translation translation)) return MapOutcome.Fault;
        if (!TryDescribe(linear, in translation, out mapping)) return MapOutcome.Unsuited;
        return (access & PageAccess.Write) != 0 && !mapping.Writable ? MapOutcome.Unsuited : MapOutcome.Mapped;
    }

    /// <summary>As <see cref="TryMapForUser"/>, for a page near one that was accessed: only what is at hand, so that no bit of the guest's tables changes.</summary>
    /// <returns>False when nothing is known of the page, or it isn't the user's.</returns>
    public bool TryPeekForUser(ulong linear, out UserMapping mapping)
    {
        mapping = default;
        return _translator.TryPeek(in _context, linear, out Translation translation) && _context.Permits(translation.Rights, PageAccess.User) &&
            TryDescribe(linear, in translation, out mapping);
    }

    private bool TryDescribe(ulong linear, in Translation translation, out UserMapping mapping)
    {
        mapping = default;
        if (translation.Host == null || ProtectionKey.Of(translation.Rights) != 0) return false;
        bool writable = !translation.ReadOnlySlot && (translation.Rights & PageRights.Dirty) != 0 &&
            _context.Permits(translation.Rights, PageAccess.User | PageAccess.Write);
        mapping.Host = translation.Host;
        mapping.Writable = writable && !translation.LogsWrites && _watch == null && !_translator.IsTracked(translation.Gpa) && _guard.MayOpen(translation.Host);
        mapping.Executable = _context.Permits(translation.Rights, PageAccess.User | PageAccess.Fetch);
        mapping.PageShift = translation.PageShift;
        _tlb.NotePageSize(linear, translation.PageShift);
        return true;
    }

    private bool Matches(TlbEntry* entry, ulong linear, bool write) => (write ? entry->WriteTag : entry->ReadTag) == _tlb.TagFor(linear);

    /// <summary>Why <see cref="Refill"/> finds an access unsuited.</summary>
    /// <param name="linear">The access's first byte.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="write">It is a write, or a read and a write.</param>
    public InterpretationCause CauseOf(ulong linear, int size, bool write)
    {
        if (!IsDataAddress(linear)) return InterpretationCause.Operands;
        if (CrossesPage(linear, size)) return InterpretationCause.PageCrossing;
        if (_cpu->Tlb == _tlb.Table(Tlb.EmptyTable)) return InterpretationCause.AccessChecks;
        if (!TryTranslate(Masked(linear), out ulong gpa)) return InterpretationCause.Other;
        byte* host = _memory.HostFor(gpa, size, out SlotView? slot);
        if (host == null || (write && slot!.ReadOnly)) return InterpretationCause.Device;
        if (write && _guard.HasCode(host)) return InterpretationCause.CodePage;
        if (write && _translator.IsTracked(gpa)) return InterpretationCause.PageTable;
        if (write && slot!.LogsWrites) return InterpretationCause.WriteLog;
        return (linear & (ulong)(size - 1)) != 0 ? InterpretationCause.Alignment : InterpretationCause.Other;
    }

    private void OpenWatched(TlbEntry* entry, ulong linear)
    {
        ulong tag = _tlb.TagFor(linear);
        ulong gpa = entry->Page & PageMask;
        if (entry->ReadTag != tag || (entry->Page & 1) == 0) return;
        byte* host = _memory.HostFor(gpa, WatchedPage.Size, out SlotView? slot);
        if (host != null && !slot!.LogsWrites && !_translator.IsTracked(gpa) && _guard.MayOpen(host)) _watch!.Open(entry, tag, host, gpa);
    }

    /// <summary>Checks that a write of the range won't fault.</summary>
    public bool ProbeWrite(Op* op, ulong linear, int size) =>
        CheckCanonical(op, linear, size) && CheckSpecial(op, linear, size, write: true) && Probe(op, linear, size, PresentAccess() | PageAccess.Write, _cpu->Tlb);

    /// <summary>Checks that a read of the range won't fault.</summary>
    public bool ProbeRead(Op* op, ulong linear, int size) => Probe(op, linear, size, PresentAccess(), _cpu->Tlb);

    /// <summary>Checks that a write of the range by the processor itself won't fault.</summary>
    public bool ProbeWriteAsSupervisor(ulong linear, int size) =>
        Probe(null, linear, size, PageAccess.Write, _tlb.Table(Tlb.SupervisorTable));

    /// <summary>
    /// An access that the processor makes for itself. Device memory can't serve it: reads are all ones, writes are lost.
    /// </summary>
    public bool AsSupervisor(ulong linear, byte* data, int size, bool write)
    {
        PageAccess access = write ? PageAccess.Write : PageAccess.Read;
        if (write && !Probe(null, linear, size, access, _tlb.Table(Tlb.SupervisorTable))) return false;
        while (size > 0)
        {
            linear = Wrap(linear);
            int chunk = Math.Min(size, (int)(0x1000 - (linear & 0xFFF)));
            if (!Translate(null, linear, access, _tlb.Table(Tlb.SupervisorTable), out ulong gpa)) return false;
            byte* host = _memory.HostFor(gpa, chunk, out SlotView? slot);
            if (write)
            {
                if (host != null && !slot!.ReadOnly) WriteSlot(slot, gpa, host, data, chunk);
            }
            else if (host != null)
            {
                OperandCopy.Copy(host, data, chunk);
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

    /// <summary>From now on writes of instructions go to an overlay, every access takes the slow path, and devices are out of reach.</summary>
    public void BeginTrial(WriteOverlay overlay)
    {
        _trial = overlay;
        _tableOfTrial = _cpu->Tlb;
        _tlb.Use(Tlb.EmptyTable);
    }

    /// <summary>From now on translated code may write to a page only when the watch has opened it. For an MMU that has translated nothing yet.</summary>
    public void WatchWrites(WriteWatch watch) => _watch = watch;

    /// <summary>Ends what <see cref="BeginTrial"/> began.</summary>
    public void EndTrial()
    {
        _trial = null;
        RefreshMode();
    }

    private bool Refuse()
    {
        _trial!.Refused = true;
        return false;
    }

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
        if (IsDataAddress(linear) && IsDataAddress(linear + (ulong)(size - 1))) return true;
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
        bool write = (access & PageAccess.Write) != 0;
        if (entry->ReadTag == _tlb.TagFor(linear) && (!write || (entry->Page & 1) != 0))
        {
            gpa = (entry->Page & PageMask) | (linear & 0xFFF);
            return true;
        }

        gpa = 0;
        if (!IsDataAddress(linear)) return RaiseNotCanonical(op);
        if (_trial != null && tlb == _tlb.Table(Tlb.EmptyTable))
        {
            // What translated code finds in the TLB, the trial does.
            entry = GuestAccess.EntryFor(_tableOfTrial, linear);
            if (entry->ReadTag == _tlb.TagFor(linear) && (!write || (entry->Page & 1) != 0))
            {
                gpa = (entry->Page & PageMask) | (linear & 0xFFF);
                return true;
            }

            if (_trial.Instruction > 0)
            {
                _trial.NeedsWalk = true;
                return Refuse();
            }
        }

        if (!Miss(Masked(linear), access, out Translation translation)) return false;
        gpa = translation.Gpa;
        if (tlb == _tlb.Table(Tlb.EmptyTable)) return true;
        if (translation.Host != null) Fill(entry, linear, in translation, access);
        else if (entry->ReadTag == _tlb.TagFor(linear))
        {
            // An older translation must not serve the other half of a read-modify-write.
            *entry = default;
            _tlb.ForgetPages();
        }

        return true;
    }

    private bool Miss(ulong linear, PageAccess access, out Translation translation)
    {
        _misses++;
        if (_translator.Translate(in _context, linear, access, out translation)) return true;
        _guestFaults++;

        // A page fault ends what is cached for its address (SDM vol. 3, 4.10.4.1).
        _tlb.DropEntries(linear);
        _cpu->Cr2 = linear;
        _cpu->SetFault(ExceptionVector.PF, translation.ErrorCode);
        return false;
    }

    private void Fill(TlbEntry* entry, ulong linear, in Translation translation, PageAccess access)
    {
        bool writable = !translation.ReadOnlySlot && (translation.Rights & PageRights.Dirty) != 0 &&
            _context.Permits(translation.Rights, access | PageAccess.Write);

        // Only now: the translator may have changed the tag.
        ulong tag = _tlb.TagFor(linear);
        ulong addend = (ulong)translation.Host - (linear & PageMask);
        if (entry->ReadTag == tag && entry->Addend != addend) _tlb.ForgetPages();
        entry->ReadTag = tag;
        entry->Addend = addend;
        _tlb.NoteHost(entry, translation.Host);
        int key = ProtectionKey.Of(translation.Rights);
        if (key != 0) _tlb.NoteKey(entry);
        entry->Page = (translation.Gpa & PageMask) | ((ulong)key << TlbEntry.KeyShift) | (writable ? TlbEntry.Writable : 0);

        // Where writes are logged, the first one sets the tag.
        bool open = writable && !translation.LogsWrites && _watch == null && !_translator.IsTracked(translation.Gpa) && _guard.MayOpen(translation.Host);
        entry->WriteTag = open ? tag : 0;
        _tlb.NotePageSize(linear, translation.PageShift);
    }

    /// <summary>The part of a write that lies in one page, if memory doesn't take it.</summary>
    private bool WriteToBus(Op* op, ulong gpa, byte* source, int size)
    {
        byte* host = _memory.HostFor(gpa, size, out SlotView? slot);
        if (host != null && !slot!.ReadOnly) return true;
        return _trial != null ? Refuse() : _bus.MemoryWrite(op, gpa, source, size);
    }

    /// <summary>The part of a write that lies in one page, if memory takes it.</summary>
    private void WriteToMemory(ulong linear, ulong gpa, byte* source, int size)
    {
        byte* host = _memory.HostFor(gpa, size, out SlotView? slot);
        if (host == null || slot!.ReadOnly) return;
        if (_trial != null)
        {
            _trial.Add(gpa, host, source, size);
            return;
        }

        WriteSlot(slot, gpa, host, source, size);
        OpenForWrites(linear, gpa, host);
    }

    private void WriteSlot(SlotView slot, ulong gpa, byte* host, byte* source, int size)
    {
        _guard.BeginWrite(host, size);
        OperandCopy.Copy(source, host, size);

        // Behind the write: who takes the mark must also see the data.
        slot.MarkDirty(gpa);
        _translator.OnWrite(gpa, size);
        _guard.EndWrite();
    }

    /// <summary>Reads memory by its guest-physical address, for structures that the processor keeps there.</summary>
    /// <returns>False when it is not wholly in one slot.</returns>
    public bool TryReadPhysical(ulong gpa, Span<byte> destination)
    {
        byte* host = _memory.HostFor(gpa, destination.Length, out _);
        if (host == null) return false;
        new ReadOnlySpan<byte>(host, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>As <see cref="TryReadPhysical"/>, for a write. Only while the vCPU runs, between blocks.</summary>
    /// <returns>False when it is not wholly in one slot that can be written to.</returns>
    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        byte* host = _memory.HostFor(gpa, source.Length, out SlotView? slot);
        if (host == null || slot!.ReadOnly) return false;
        fixed (byte* bytes = source)
        {
            for (int done = 0; done < source.Length;)
            {
                int part = Math.Min(source.Length - done, 0x1000 - (int)((gpa + (ulong)done) & 0xFFF));
                WriteSlot(slot, gpa + (ulong)done, host + done, bytes + done, part);
                done += part;
            }
        }

        return true;
    }

    /// <summary>Lets further writes of a page take the fast path, now that nobody needs to know about them.</summary>
    private void OpenForWrites(ulong linear, ulong gpa, byte* host)
    {
        TlbEntry* entry = GuestAccess.EntryFor(_cpu->Tlb, linear);
        ulong tag = _tlb.TagFor(linear);
        if (entry->ReadTag == tag && (entry->Page & 1) != 0 && _watch == null && !_translator.IsTracked(gpa) && _guard.MayOpen(host)) entry->WriteTag = tag;
    }

    /// <summary>Alignment checks and data breakpoints; both only where the TLB is kept empty for them.</summary>
    private bool CheckSpecial(Op* op, ulong linear, int size, bool write)
    {
        if (_cpu->Tlb != _tlb.Table(Tlb.EmptyTable)) return true;
        if (_cpu->Cpl == 3 && (_cpu->Cr0 & Cr0.AM) != 0 && (_cpu->SystemFlags & Rflags.AC) != 0 &&
            (linear & (ulong)(Alignment(size) - 1)) != 0 && (op == null || (op->Traits & OpTraits.AnyAlignment) == 0))
        {
            _cpu->SetFault(ExceptionVector.AC, 0);
            return false;
        }

        DebugEvents.NoteData(_cpu, Masked(linear), size, write);
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
}
