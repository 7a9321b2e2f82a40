using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Accesses that look into the TLB: outside loops, and those that go from page to page so often that a slot is no use to them.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int MaxScattered = 1 << 14;

    // Guest instructions, by the host addresses of their bytes, whose accesses go from page to page.
    private readonly HashSet<ulong> _scattered = [];

    /// <summary>From now on the accesses of an instruction look into the TLB at once.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <returns>False when they did already.</returns>
    public bool Scatter(byte* guest)
    {
        if (_scattered.Count >= MaxScattered) _scattered.Clear();
        return _scattered.Add((ulong)guest);
    }

    /// <summary>
    /// An access that finds its page in the TLB itself. It takes twice the instructions of one with a slot, but always the same ones: code that rarely comes by
    /// the same place finds its slots taken by other code.
    /// </summary>
    /// <param name="address">The guest address.</param>
    /// <param name="at">The operand's place.</param>
    /// <param name="low">The first place that is checked.</param>
    /// <param name="high">Behind the last one.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">It is written (and perhaps read).</param>
    /// <param name="aligned">It must be aligned to its size.</param>
    /// <param name="shared">Others profit: what is found goes into a slot of the block's own.</param>
    /// <param name="offset">The instruction's offset in the page.</param>
    private HostOperand EmitLookUp(in Address address, long at, long low, long high, int size, bool write, bool aligned, bool shared, int offset)
    {
        byte* again = _emitter.Position;
        int span = (int)(high - low);
        EmitLinear(in address, low - at, RegisterMap.Second);
        if (!address.IsDirect) _emitter.Mov(State(_at.Scratch), RegisterMap.Second);
        if (aligned && size > 1)
        {
            _emitter.Test(RegisterMap.Second, size - 1, OperandSize.Byte);
            DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        }

        long last = address.Displacement + (high - 1 - at);
        if (address.IsDirect && last <= int.MaxValue) EmitOffset(address with { Displacement = last }, RegisterMap.First);
        else _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.Second, span - 1));
        _emitter.Shr(RegisterMap.Second, 12 - EntryShift);
        _emitter.And(RegisterMap.Second, (GuestAccess.TlbEntries - 1) << EntryShift, OperandSize.Dword);
        _emitter.And(RegisterMap.First, -PageSize);
        _emitter.Add(RegisterMap.Second, State(_at.Tlb));
        _emitter.Or(RegisterMap.First, State(_at.TlbTag));
        _emitter.Cmp(RegisterMap.First, new HostOperand(RegisterMap.Second, write ? WriteTagOffset : ReadTagOffset));
        int filled = ChooseSlot(in address);
        ref Pending pending = ref DeferIf(Condition.NotEqual, write ? PendingKind.Write : PendingKind.Read, offset);
        pending.Resume = new CodeLabel(again);
        pending.Address = address;
        pending.Slot = filled;
        pending.Size = size;
        pending.Own = (int)(at - low);
        pending.Span = span;
        pending.End = MissEnd.Nothing;
        ForgetSlot(filled);
        int fact = shared ? AddFact(in address, low, high, write, PageSlots.Own + (_nextFact % MaxFacts), aligned ? size : 1) : -1;
        _secondFact = fact;
        _emitter.Mov(RegisterMap.Second, new HostOperand(RegisterMap.Second, AddendOffset));
        if (shared && !address.IsInPage) _emitter.Mov(State(SlotOffset(_facts[fact].Slot) + SlotAddend), RegisterMap.Second);
        if (IsOneRegister(in address))
        {
            _second = shared ? SecondHolds.Addend : SecondHolds.Nothing;
            return AddendOperand(in address);
        }

        if (!address.IsDirect)
        {
            _emitter.Add(RegisterMap.Second, State(_at.Scratch));
            if (shared && address.IsInPage) _emitter.Mov(State(SlotOffset(_facts[fact].Slot) + SlotHost), RegisterMap.Second);
            _second = shared ? SecondHolds.Host : SecondHolds.Nothing;
            _secondAt = low;
            return new HostOperand(RegisterMap.Second, (int)(at - low));
        }

        _second = SecondHolds.Nothing;
        HostOperand guest = address.Operand(0);
        _emitter.Lea(RegisterMap.Second, new HostOperand(RegisterMap.Second, guest.Base, 0, guest.Displacement));
        return new HostOperand(RegisterMap.Second, guest.Index, guest.Scale, 0);
    }
}
