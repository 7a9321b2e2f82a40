using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Accesses that go from page to page so often that a slot is no use to them.</content>
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
    /// An access that finds its page in the TLB itself. It takes twice the instructions of one with a slot, but always the same ones.
    /// </summary>
    private HostOperand EmitScattered(in Address address, int size, bool write, bool aligned, int offset)
    {
        byte* again = _emitter.Position;
        EmitLinear(in address, 0, HostRegister.Second);
        if (!address.IsDirect) _emitter.Store(State(_at.Scratch), HostRegister.Second);
        int last = aligned ? 0 : size - 1;
        if (address.IsDirect && address.Displacement + last <= int.MaxValue) EmitOffset(address with { Displacement = address.Displacement + last }, HostRegister.First);
        else _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.Second, last));
        if (aligned && size > 1)
        {
            _emitter.Registers(0xF6, false, 0, HostRegister.First); // TEST
            _emitter.Byte(size - 1);
            Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        }

        _emitter.ShiftRight(HostRegister.Second, 12 - EntryShift);
        _emitter.Immediate(AndExtension, false, HostRegister.Second, (GuestAccess.TlbEntries - 1) << EntryShift);
        _emitter.Immediate(AndExtension, true, HostRegister.First, -PageSize);
        _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Tlb));
        _emitter.Memory(0x0B, true, HostRegister.First, State(_at.TlbTag));
        _emitter.Memory(0x3B, true, HostRegister.First, new HostOperand(HostRegister.Second, write ? WriteTagOffset : ReadTagOffset));
        int slot = ChooseSlot(in address);
        ref Pending pending = ref Defer(write ? PendingKind.Write : PendingKind.Read, _emitter.JumpIf(Condition.NotEqual), offset);
        pending.Resume = again;
        pending.Address = address;
        pending.Slot = slot;
        pending.Size = size;
        pending.End = MissEnd.Nothing;
        ForgetSlot(slot);
        _emitter.Load(HostRegister.Second, new HostOperand(HostRegister.Second, AddendOffset));
        _second = SecondHolds.Nothing;
        if (IsOneRegister(in address)) return AddendOperand(in address);
        if (!address.IsDirect)
        {
            _emitter.Memory(0x03, true, HostRegister.Second, State(_at.Scratch));
            return new HostOperand(HostRegister.Second, 0);
        }

        HostOperand guest = address.Operand(0);
        _emitter.Lea(HostRegister.Second, new HostOperand(HostRegister.Second, guest.Base, 0, guest.Displacement));
        return new HostOperand(HostRegister.Second, guest.Index, guest.Scale, 0);
    }
}
