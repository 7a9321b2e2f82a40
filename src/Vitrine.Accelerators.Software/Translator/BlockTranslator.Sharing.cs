using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>What a block has found out about the pages that it accesses: one check serves all accesses near each other.</content>
/// <remarks>
/// A fact is that a slot holds the page of certain addresses. Within a block a write to their registers takes it back, SWAPGS takes those of GS, and nothing
/// else does: a slot is filled again only by a check that this translator emits, and where slots are emptied between two accesses the block is left
/// (<see cref="Mmu.RefillOutcome.FilledAlone"/>).
/// </remarks>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.

    /// <summary>Offsets of the fields of a <see cref="PageSlot"/>.</summary>
    public const int SlotPage = 0;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotReadLimit = 8;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotWriteLimit = 16;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotHost = 24;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotAddend = 32;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotTag = 40;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotSingleReadLimit = 48;

    /// <inheritdoc cref="SlotPage"/>
    public const int SlotSingleWriteLimit = 56;

    private const int MaxFacts = PageSlots.OwnCount;
    private const int LookAhead = 24;

    private readonly PageFact[] _facts = new PageFact[MaxFacts];
    private readonly int[] _written = new int[MaxInstructions];
    private readonly int[] _stackMoves = new int[MaxInstructions];
    private bool _isUnshared;
    private bool _isOwnLoop;
    private int _nextFact;
    private long _stackMoved;
    private SecondHolds _second;
    private int _secondFact;
    private long _secondAt;

    /// <summary>What <see cref="RegisterMap.Second"/> holds of the fact that it was loaded for.</summary>
    private enum SecondHolds
    {
        Nothing,

        /// <summary>The slot's addend.</summary>
        Addend,

        /// <summary>The host address of <see cref="_secondAt"/>.</summary>
        Host,
    }

    /// <summary>The page of a slot holds addresses with these registers from one place to another.</summary>
    private struct PageFact
    {
        public bool Holds;
        public Address Address;
        public long Low;
        public long High;
        public bool Writes;
        public int Alignment;
        public int Slot;
    }

    private void StartFacts()
    {
        _isUnshared = _isCrossing || (_mode & ExecutionMode.Unshared) != 0;
        _isOwnLoop = IsOwnLoop();
        _stackMoved = 0;
        _second = SecondHolds.Nothing;
        _nextFact = 0;
        Array.Clear(_facts);
        for (int i = 0; i < _count; i++) _written[i] = WrittenRegisters(in _instructions[i], _is64, out _stackMoves[i]);
    }

    /// <summary>Behind an instruction: forgets what was known of addresses with registers that it writes.</summary>
    private void FollowRegisters(int i)
    {
        _stackMoved += _stackMoves[i];
        int written = _written[i];
        if (written == 0) return;
        foreach (ref PageFact fact in _facts.AsSpan())
        {
            if (Uses(in fact.Address, written)) fact.Holds = false;
        }
    }

    /// <summary>Forgets what was known of addresses in a segment: its base changes.</summary>
    private void ForgetSegment(int segment)
    {
        foreach (ref PageFact fact in _facts.AsSpan())
        {
            if (fact.Address.Segment == segment) fact.Holds = false;
        }
    }

    private static bool Uses(in Address address, int registers) =>
        (address.Base >= 0 && (registers & (1 << address.Base)) != 0) || (address.Index >= 0 && (registers & (1 << address.Index)) != 0);

    /// <summary>The translator writes such instructions, if the mode and the operands don't forbid it.</summary>
    internal static bool IsWritten(in Instruction instruction) => InstructionShapes.Of(instruction.Code).Kind > InstructionKind.Interpreted;

    /// <summary>The general registers that an instruction writes, one bit each; of RSP only where it isn't moved by a known distance.</summary>
    /// <param name="instruction">An instruction that the translator writes.</param>
    /// <param name="is64">64-bit code.</param>
    /// <param name="moved">By how much it moves RSP.</param>
    internal static int WrittenRegisters(in Instruction instruction, bool is64, out int moved)
    {
        const int Stack = 1 << Gpr.Rsp;
        const int Accumulators = (1 << Gpr.Rax) | (1 << Gpr.Rcx) | (1 << Gpr.Rdx);
        int size = is64 ? 8 : 4;
        moved = 0;
        switch (InstructionShapes.Of(instruction.Code).Kind)
        {
            case InstructionKind.Push or InstructionKind.PushFlags or InstructionKind.Call or InstructionKind.IndirectCall:
                moved = -size;
                return 0;
            case InstructionKind.Pop:
                int popped = Bit(instruction.Op0Register);
                if (popped != Stack) moved = size;
                return popped;
            case InstructionKind.MoveString:
                return (1 << Gpr.Rsi) | (1 << Gpr.Rdi) | RepeatCount(in instruction);
            case InstructionKind.StoreString:
                return (1 << Gpr.Rdi) | RepeatCount(in instruction);
            case InstructionKind.Leave or InstructionKind.Return:
                return Stack | (1 << Gpr.Rbp);
            case InstructionKind.Lea when instruction.Op0Register == (is64 ? Register.RSP : Register.ESP) && instruction.MemoryBase == instruction.Op0Register &&
                    instruction.MemoryIndex == Register.None:
                moved = (int)instruction.MemoryDisplacement64;
                return 0;
            case InstructionKind.Copied when instruction.Mnemonic is Mnemonic.Add or Mnemonic.Sub && instruction.Op0Kind == OpKind.Register &&
                    instruction.Op0Register == (is64 ? Register.RSP : Register.ESP) &&
                    instruction.Op1Kind is >= OpKind.Immediate8 and <= OpKind.Immediate32to64:
                int distance = (int)instruction.GetImmediate(1);
                moved = instruction.Mnemonic == Mnemonic.Add ? distance : -distance;
                return 0;
        }

        int written = instruction.Mnemonic switch
        {
            Mnemonic.Mul or Mnemonic.Imul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Cmpxchg or Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b or
                Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cdqe or Mnemonic.Cwd or Mnemonic.Cdq or Mnemonic.Cqo or Mnemonic.Lahf or
                Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpistri or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestri64 or Mnemonic.Vpcmpistri => Accumulators,
            _ => 0,
        };

        // Also where the first operand is only read: that is no harm.
        int operands = instruction.Mnemonic is Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt ? 0 : Math.Min(instruction.OpCount, 2);
        for (int operand = 0; operand < operands; operand++)
        {
            if (operand == 1 && instruction.Mnemonic is not (Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Mulx)) break;
            if (instruction.GetOpKind(operand) == OpKind.Register && instruction.GetOpRegister(operand).IsGPR()) written |= Bit(instruction.GetOpRegister(operand));
        }

        return written;
    }

    private static int RepeatCount(in Instruction instruction) => instruction.HasRepPrefix || instruction.HasRepnePrefix ? 1 << Gpr.Rcx : 0;

    private static int Bit(Register register) => 1 << (register.GetFullRegister() - Register.RAX);

    /// <summary>Where the slot that an access is checked with lies in the state.</summary>
    private int SlotOffset(int slot) => _at.Slots + (slot * sizeof(PageSlot));

    /// <summary>An operand's distance from its registers, that of RSP at the start of the block.</summary>
    private long PlaceOf(in Address address) => address.Displacement + (address.Base == Gpr.Rsp ? _stackMoved : 0);

    private static bool HaveSameRegisters(in Address a, in Address b) =>
        a.Base == b.Base && a.Index == b.Index && a.Scale == b.Scale && a.Segment == b.Segment && a.Is32 == b.Is32 && a.IsRelative == b.IsRelative;

    /// <summary>The host address is one addend away: one register at most, which the host can add in 64 bits.</summary>
    private static bool IsOneRegister(in Address address) => address.IsDirect && (address.Base < 0 || address.Index < 0);

    private int FindFact(in Address address, long at, int size, bool aligned)
    {
        for (int i = 0; i < MaxFacts; i++)
        {
            ref readonly PageFact fact = ref _facts[i];
            if (!fact.Holds || !HaveSameRegisters(in fact.Address, in address) || at < fact.Low || at + size > fact.High) continue;
            if (!aligned || (fact.Alignment >= size && (at - fact.Low) % size == 0)) return i;
        }

        return -1;
    }

    private int AddFact(in Address address, long low, long high, bool writes, int slot, int alignment)
    {
        ForgetSlot(slot);
        int number = _nextFact++ % MaxFacts;
        _facts[number] = new PageFact
        {
            Holds = true,
            Address = address,
            Low = low,
            High = high,
            Writes = writes,
            Alignment = alignment,
            Slot = slot,
        };
        return number;
    }

    // A miss of an access beside the facts fills a slot all the same.
    private void ForgetSlot(int slot)
    {
        foreach (ref PageFact fact in _facts.AsSpan())
        {
            if (fact.Slot == slot) fact.Holds = false;
        }
    }

    /// <summary>The slot for an access: RSP has one; others are spread by registers, place of the code and far displacements.</summary>
    private int ChooseSlot(in Address address)
    {
        const int Tries = 4;
        const int RegionShift = 7;
        int bank = (_mode & ExecutionMode.User) != 0 ? 0 : PageSlots.PerBank;
        if (address.Base == Gpr.Rsp) return bank;
        ulong hash = (ulong)(address.Displacement >> 12) * 7;
        if (address.IsRelative) hash = (ulong)(_page + address.Displacement) >> 12;
        else if (address.Base >= 0 || address.Index >= 0) hash += (((ulong)(_page + _start) >> RegionShift) * 29) + (ulong)((address.Base + 2) * (address.Index + 5));
        int slot = 0;
        for (int i = 0; i < Tries; i++)
        {
            slot = bank + 1 + (int)((hash + (ulong)i) % (PageSlots.PerBank - 1));
            if (!IsTaken(slot, in address)) break;
        }

        return slot;
    }

    private bool IsTaken(int slot, in Address address)
    {
        foreach (ref readonly PageFact fact in _facts.AsSpan())
        {
            if (fact.Holds && fact.Slot == slot && !HaveSameRegisters(in fact.Address, in address)) return true;
        }

        return false;
    }

    /// <summary>Widens what an access checks to the accesses behind it that are near and have the same registers.</summary>
    /// <returns>True when there are any.</returns>
    private bool FindExtent(int i, in Address address, int size, bool aligned, ref long low, ref long high)
    {
        long at = low;
        if (address.IsInPage)
        {
            // The page is known, and no other can follow within it.
            long page = at & ~(PageSize - 1L);
            if (at + size > page + PageSize || (aligned && (at - page) % size != 0)) return false;
            low = page;
            high = page + PageSize;
            return true;
        }

        bool shared = false;
        long moved = _stackMoved;
        int end = Math.Min(_count, i + LookAhead);
        for (int j = i; j < end; j++)
        {
            if (j > i)
            {
                ref readonly Instruction instruction = ref _instructions[j];
                InstructionKind kind = InstructionShapes.Of(instruction.Code).Kind;
                if (kind is not (InstructionKind.Lea or InstructionKind.Nothing) && MemoryOperand(in instruction) >= 0)
                    shared |= Widen(in address, AddressOf(in instruction), moved, Math.Max(1, instruction.MemorySize.GetSize()), at, aligned ? size : 1, ref low, ref high);
                int push = StackSize;
                if (kind is InstructionKind.Push or InstructionKind.PushFlags or InstructionKind.Call or InstructionKind.IndirectCall)
                    shared |= Widen(in address, StackAddress(-push), moved, push, at, aligned ? size : 1, ref low, ref high);
                else if (kind is InstructionKind.Pop or InstructionKind.Return)
                    shared |= Widen(in address, StackAddress(0), moved, push, at, aligned ? size : 1, ref low, ref high);
            }

            if (Uses(in address, _written[j]) || (address.Segment == Seg.Gs && InstructionShapes.Of(_instructions[j].Code).Kind == InstructionKind.SwapGs)) return shared;
            moved += _stackMoves[j];
        }

        return shared;
    }

    private static bool Widen(in Address address, in Address other, long moved, int size, long at, int alignment, ref long low, ref long high)
    {
        if (!HaveSameRegisters(in address, in other)) return false;
        long place = other.Displacement + (other.Base == Gpr.Rsp ? moved : 0);
        long newLow = Math.Min(low, place);
        long newHigh = Math.Max(high, place + size);
        if (newHigh - newLow > PageSlots.Window || (at - newLow) % alignment != 0 || address.Displacement + (newLow - at) < int.MinValue) return false;
        low = newLow;
        high = newHigh;
        return true;
    }

    /// <summary>Before the first write to a page that was only read: whether it takes writes.</summary>
    private void EmitWriteCheck(int known, in Address address, long at, int size, int offset)
    {
        ref PageFact fact = ref _facts[known];
        CompareWithZero(SlotOffset(fact.Slot) + SlotWriteLimit);
        ref Pending pending = ref DeferIf(Condition.Equal, PendingKind.Write, offset);
        pending.Resume = new CodeLabel(_emitter.Position);
        pending.Address = address;
        pending.Slot = fact.Slot;
        pending.Size = size;
        pending.End = MissEnd.Nothing;
        if (SecondServes(known, in address))
        {
            pending.End = _second == SecondHolds.Addend ? MissEnd.Addend : MissEnd.Host;
            pending.Own = _second == SecondHolds.Addend ? 0 : (int)(at - _secondAt);
        }

        fact.Writes = true;
    }

    private bool SecondServes(int fact, in Address address) =>
        _second != SecondHolds.Nothing && _secondFact == fact && _second == (IsOneRegister(in address) ? SecondHolds.Addend : SecondHolds.Host);

    /// <summary>The host operand of an access whose page is known.</summary>
    private HostOperand EmitKnown(int known, in Address address, long at)
    {
        if (SecondServes(known, in address)) return OperandBehind(in address, at);
        int slot = SlotOffset(_facts[known].Slot);
        _secondFact = known;
        if (IsOneRegister(in address))
        {
            _second = SecondHolds.Addend;
            _emitter.Mov(RegisterMap.Second, State(slot + SlotAddend));
        }
        else if (address.IsInPage)
        {
            _second = SecondHolds.Host;
            _secondAt = _facts[known].Low & ~(PageSize - 1L);
            _emitter.Mov(RegisterMap.Second, State(slot + SlotHost));
        }
        else
        {
            EmitLinear(in address, 0, RegisterMap.Second);
            _second = SecondHolds.Host;
            _secondAt = at;
            _emitter.Add(RegisterMap.Second, State(slot + SlotAddend));
        }

        return OperandBehind(in address, at);
    }

    private HostOperand OperandBehind(in Address address, long at)
    {
        return _second == SecondHolds.Host ? new HostOperand(RegisterMap.Second, (int)(at - _secondAt)) : AddendOperand(in address);
    }

    private static HostOperand AddendOperand(in Address address)
    {
        HostOperand guest = address.Operand(0);
        return guest.Index != HostRegister.None
            ? new HostOperand(RegisterMap.Second, guest.Index, guest.Scale, guest.Displacement)
            : new HostOperand(RegisterMap.Second, guest.Base, 0, guest.Displacement);
    }
}
