using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.Accelerators.Software.Translator.Counting;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>From a guest's memory operand to the host's: the check that its page is known, and the host address.</summary>
/// <remarks>
/// Most accesses look into the TLB. The stack, and a block that is its own loop, use slots: pages accessed last, half as many instructions.
/// Accesses near each other share a check, see <see cref="PageFacts"/>.
/// </remarks>
internal sealed unsafe class MemoryAccess(
    BlockContext block,
    FlagTracker flags,
    BlockCounters counters,
    BlockExits exits,
    AddressEmitter addresses,
    SecondRegister second,
    PageFacts facts)
{
    // SAFETY: host addresses of guest code are compared, not followed.
    private const int MaxScattered = 1 << 14;
    private const int PageShift = 12;

    // Guest instructions, by the host addresses of their bytes, whose accesses go from page to page.
    private readonly HashSet<ulong> _scattered = [];
    private bool _isUnshared;
    private bool _isOwnLoop;

    /// <summary>Begins a block, whose instructions are known.</summary>
    /// <param name="isOwnLoop">It branches to its own start.</param>
    public void Begin(bool isOwnLoop)
    {
        _isUnshared = block.IsCrossing || (block.Mode & ExecutionMode.Unshared) != 0;
        _isOwnLoop = isOwnLoop;
        second.Forget();
        facts.Begin();
    }

    /// <summary>From now on the accesses of an instruction look into the TLB at once.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <returns>False when they did already.</returns>
    public bool Scatter(byte* guest)
    {
        if (_scattered.Count >= MaxScattered) _scattered.Clear();
        return _scattered.Add((ulong)guest);
    }

    /// <summary>
    /// Checks an access and forms the host address, without <see cref="RegisterMap.First"/>. Loses the flags. What is emitted changes
    /// nothing of the guest before the access is sure to succeed.
    /// </summary>
    /// <param name="i">The instruction, whose flags are wanted before it.</param>
    /// <param name="address">The guest address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">It is written (and perhaps read).</param>
    /// <param name="aligned">It must be aligned to its size.</param>
    /// <param name="offset">The instruction's offset in the page.</param>
    public HostOperand Access(int i, in OperandAddress address, int size, bool write, bool aligned, int offset)
    {
        flags.Lose(i);
        HostOperand operand = Check(i, in address, size, write, aligned, offset);
        counters.Count(address.IsOnStack ? TranslationCounter.StackAccesses : TranslationCounter.TlbAccesses);
        return operand;
    }

    /// <summary>An access to as many bytes as PUSH moves, relative to RSP.</summary>
    /// <param name="i">The instruction.</param>
    /// <param name="displacement">The distance from RSP.</param>
    /// <param name="write">It is written.</param>
    /// <param name="offset">The instruction's offset in the page.</param>
    public HostOperand AccessStack(int i, int displacement, bool write, int offset) =>
        Access(i, block.StackAddress(displacement), block.AddressBytes, write, aligned: false, offset);

    /// <summary>
    /// The addend of a string's page in <see cref="RegisterMap.Second"/>, if the last byte in <see cref="RegisterMap.First"/> is in it too.
    /// </summary>
    /// <param name="pointer">Points to the first byte.</param>
    /// <param name="write">The page is written to.</param>
    /// <param name="miss">Where it goes on if it isn't, or the TLB doesn't know it.</param>
    public void LookUpString(HostRegister pointer, bool write, ref CodeLabel miss)
    {
        block.Asm.Mov(RegisterMap.Second, pointer);
        CompareTag(write);
        block.Asm.Jcc(Condition.NotEqual, ref miss);
        block.Asm.Mov(RegisterMap.Second, new HostOperand(RegisterMap.Second, TlbEntry.Offsets.Addend));
    }

    private HostOperand Check(int i, in OperandAddress address, int size, bool write, bool aligned, int offset)
    {
        // The x87 data pointer is taken from there, see FloatStateLoader.
        bool noted = !address.IsDirect && InstructionShapes.Of(block.Instructions[i].Code).IsX87;
        bool alone = _isUnshared || noted;
        long at = facts.PlaceOf(in address);
        if (!alone && facts.Find(in address, at, size, aligned) is var known and >= 0)
        {
            bool knowsWrites = !write || facts[known].Writes;
            if (knowsWrites || facts[known].Slot < PageSlots.Own)
            {
                if (!knowsWrites) CheckWrite(known, in address, at, size, offset);
                return UseKnown(known, in address, at);
            }

            facts[known].Holds = false;
        }

        long low = at;
        long high = at + size;
        bool shared = !alone && facts.FindExtent(i, in address, size, aligned, ref low, ref high);
        bool remembers = noted || address.IsOnStack || (_isOwnLoop && !_scattered.Contains((ulong)(block.Page + offset)));
        return remembers
            ? CompareWithSlot(in address, at, low, high, size, write, aligned, noted, offset)
            : LookUp(in address, at, low, high, size, write, aligned, shared, offset);
    }

    /// <summary>An access that has a slot: is it in the page that the slot holds?</summary>
    private HostOperand CompareWithSlot(
        in OperandAddress address, long at, long low, long high, int size, bool write, bool aligned, bool noted, int offset)
    {
        ref CodeEmitter asm = ref block.Asm;
        int slot = facts.ChooseSlot(in address);
        addresses.Linear(in address, low - at, RegisterMap.Second);
        if (noted) asm.Mov(State(CpuOffsets.Scratch), RegisterMap.Second);
        asm.Sub(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Page));
        bool single = high - low <= PageSlots.Single;
        int limit = single ? (write ? PageSlot.Offsets.SingleWriteLimit : PageSlot.Offsets.SingleReadLimit)
            : write ? PageSlot.Offsets.WriteLimit : PageSlot.Offsets.ReadLimit;
        asm.Cmp(RegisterMap.Second, Slot(slot, limit));
        ref PendingExit exit = ref exits.BranchIf(Condition.AboveOrEqual, write ? PendingKind.Write : PendingKind.Read, offset);
        exit.Resume = new CodeLabel(asm.Position);
        exit.Slot = slot;
        exit.Size = size;
        exit.Own = (int)(at - low);
        exit.Span = (int)(high - low);
        if (aligned && size > 1) InterpretUnaligned(size, offset);
        int fact = facts.Add(in address, low, high, write, slot, aligned ? size : 1);
        if (address.IsOneRegister)
        {
            asm.Mov(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Addend));
            second.HoldAddend(fact);
        }
        else
        {
            asm.Add(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Host));
            second.HoldHost(fact, low);
        }

        return OperandAt(in address, at);
    }

    /// <summary>
    /// An access that finds its page in the TLB itself. It takes twice the instructions of one with a slot, but always the same ones: code
    /// that rarely comes by the same place finds its slots taken by other code.
    /// </summary>
    /// <param name="address">The guest address.</param>
    /// <param name="at">The operand's place.</param>
    /// <param name="low">The first place that is checked.</param>
    /// <param name="high">The place after the last one.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">It is written (and perhaps read).</param>
    /// <param name="aligned">It must be aligned to its size.</param>
    /// <param name="shared">Others profit: what is found goes into a slot of the block's own.</param>
    /// <param name="offset">The instruction's offset in the page.</param>
    private HostOperand LookUp(
        in OperandAddress address, long at, long low, long high, int size, bool write, bool aligned, bool shared, int offset)
    {
        ref CodeEmitter asm = ref block.Asm;
        CodeLabel again = new(asm.Position);
        int span = (int)(high - low);
        addresses.Linear(in address, low - at, RegisterMap.Second);
        if (!address.IsDirect) asm.Mov(State(CpuOffsets.Scratch), RegisterMap.Second);
        if (aligned && size > 1) InterpretUnaligned(size, offset);
        long last = address.Displacement + (high - 1 - at);
        if (address.IsDirect && last <= int.MaxValue) addresses.Offset(address with { Displacement = last }, RegisterMap.First);
        else asm.Lea(RegisterMap.First, new HostOperand(RegisterMap.Second, span - 1));
        CompareTag(write);
        int filled = facts.ChooseSlot(in address);
        ref PendingExit exit = ref exits.BranchIf(Condition.NotEqual, write ? PendingKind.Write : PendingKind.Read, offset);
        exit.Resume = again;
        exit.Address = address;
        exit.Slot = filled;
        exit.Size = size;
        exit.Own = (int)(at - low);
        exit.Span = span;
        exit.End = MissEnd.Nothing;
        facts.ForgetSlot(filled);
        int fact = shared ? facts.Add(in address, low, high, write, facts.NextOwnSlot, aligned ? size : 1) : -1;
        second.Forget();
        asm.Mov(RegisterMap.Second, new HostOperand(RegisterMap.Second, TlbEntry.Offsets.Addend));
        if (shared && !address.IsInPage) asm.Mov(Slot(facts[fact].Slot, PageSlot.Offsets.Addend), RegisterMap.Second);
        if (address.IsOneRegister)
        {
            if (shared) second.HoldAddend(fact);
            return AddendOperand(in address);
        }

        if (!address.IsDirect)
        {
            asm.Add(RegisterMap.Second, State(CpuOffsets.Scratch));
            if (shared && address.IsInPage) asm.Mov(Slot(facts[fact].Slot, PageSlot.Offsets.Host), RegisterMap.Second);
            if (shared) second.HoldHost(fact, low);
            return new HostOperand(RegisterMap.Second, (int)(at - low));
        }

        HostOperand guest = address.ToHost();
        asm.Lea(RegisterMap.Second, new HostOperand(RegisterMap.Second, guest.Base, 0, guest.Displacement));
        return new HostOperand(RegisterMap.Second, guest.Index, guest.Scale, 0);
    }

    /// <summary>
    /// From the first address in <see cref="RegisterMap.Second"/> and the last one in <see cref="RegisterMap.First"/> to the TLB's entry in
    /// the former, and whether it is for the page of both.
    /// </summary>
    private void CompareTag(bool write)
    {
        ref CodeEmitter asm = ref block.Asm;
        asm.Shr(RegisterMap.Second, PageShift - TlbEntry.SizeShift);
        asm.And(RegisterMap.Second, (GuestAccess.TlbEntries - 1) << TlbEntry.SizeShift, OperandSize.Dword);
        asm.And(RegisterMap.First, -BlockContext.PageSize);
        asm.Add(RegisterMap.Second, State(CpuOffsets.Tlb));
        asm.Or(RegisterMap.First, State(CpuOffsets.TlbTag));
        int tag = write ? TlbEntry.Offsets.WriteTag : TlbEntry.Offsets.ReadTag;
        asm.Cmp(RegisterMap.First, new HostOperand(RegisterMap.Second, tag));
    }

    private void InterpretUnaligned(int size, int offset)
    {
        block.Asm.Test(RegisterMap.Second, size - 1, OperandSize.Byte);
        exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
    }

    /// <summary>Before the first write to a page that was only read: whether it takes writes.</summary>
    private void CheckWrite(int known, in OperandAddress address, long at, int size, int offset)
    {
        ref PageFact fact = ref facts[known];
        block.Asm.Cmp(Slot(fact.Slot, PageSlot.Offsets.WriteLimit), 0);
        ref PendingExit exit = ref exits.BranchIf(Condition.Equal, PendingKind.Write, offset);
        exit.Resume = new CodeLabel(block.Asm.Position);
        exit.Address = address;
        exit.Slot = fact.Slot;
        exit.Size = size;
        exit.End = MissEnd.Nothing;
        if (second.Serves(known, in address))
        {
            bool addend = second.Content == SecondContent.Addend;
            exit.End = addend ? MissEnd.Addend : MissEnd.Host;
            exit.Own = addend ? 0 : (int)(at - second.Place);
        }

        fact.Writes = true;
    }

    /// <summary>The host operand of an access whose page is known.</summary>
    private HostOperand UseKnown(int known, in OperandAddress address, long at)
    {
        if (second.Serves(known, in address)) return OperandAt(in address, at);
        int slot = facts[known].Slot;
        if (address.IsOneRegister)
        {
            block.Asm.Mov(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Addend));
            second.HoldAddend(known);
        }
        else if (address.IsInPage)
        {
            block.Asm.Mov(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Host));
            second.HoldHost(known, facts[known].Low & ~(BlockContext.PageSize - 1L));
        }
        else
        {
            addresses.Linear(in address, 0, RegisterMap.Second);
            block.Asm.Add(RegisterMap.Second, Slot(slot, PageSlot.Offsets.Addend));
            second.HoldHost(known, at);
        }

        return OperandAt(in address, at);
    }

    private HostOperand OperandAt(in OperandAddress address, long at) =>
        second.Content == SecondContent.Host ? new HostOperand(RegisterMap.Second, (int)(at - second.Place)) : AddendOperand(in address);

    private static HostOperand AddendOperand(in OperandAddress address)
    {
        HostOperand guest = address.ToHost();
        return guest.Index != HostRegister.None
            ? new HostOperand(RegisterMap.Second, guest.Index, guest.Scale, guest.Displacement)
            : new HostOperand(RegisterMap.Second, guest.Base, 0, guest.Displacement);
    }
}
