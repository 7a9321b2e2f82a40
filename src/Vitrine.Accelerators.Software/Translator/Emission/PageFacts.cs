using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>What a block has found out about the pages that it accesses: one check serves all accesses near each other.</summary>
/// <remarks>
/// A fact is that a slot holds the page of certain addresses. Within a block a write to their registers takes it back, SWAPGS takes those
/// of GS, and nothing else does: a slot is filled again only by a check that this translator emits, and where slots are emptied between two
/// accesses the block is left (<see cref="Mmu.RefillOutcome.FilledAlone"/>).
/// </remarks>
internal sealed unsafe class PageFacts(BlockContext block)
{
    // SAFETY: host addresses are numbers here.
    private const int MaxFacts = PageSlots.OwnCount;
    private const int LookAhead = 24;

    private readonly PageFact[] _facts = new PageFact[MaxFacts];
    private readonly int[] _written = new int[BlockContext.MaxInstructions];
    private readonly int[] _stackMoves = new int[BlockContext.MaxInstructions];

    // Of each instruction the operand in memory, and its bytes; 0 where it accesses none.
    private readonly OperandAddress[] _operands = new OperandAddress[BlockContext.MaxInstructions];
    private readonly int[] _bytes = new int[BlockContext.MaxInstructions];
    private int _next;
    private long _stackMoved;

    /// <summary>A fact.</summary>
    public ref PageFact this[int number] => ref _facts[number];

    // Most blocks have few: what is left over from blocks before isn't looked at.
    private Span<PageFact> Known => _facts.AsSpan(0, Math.Min(_next, MaxFacts));

    /// <summary>The slot of the block's own that the next fact can have.</summary>
    public int NextOwnSlot => PageSlots.Own + (_next % MaxFacts);

    /// <summary>Begins a block, whose instructions are known.</summary>
    public void Begin()
    {
        _stackMoved = 0;
        _next = 0;
        for (int i = 0; i < block.Count; i++)
        {
            ref readonly Instruction instruction = ref block.Instructions[i];
            _written[i] = RegisterEffects.Written(in instruction, block.Is64, out _stackMoves[i]);
            bool accesses = TranslationRules.HasMemory(in instruction) &&
                InstructionShapes.Of(instruction.Code).Kind is not (InstructionKind.Lea or InstructionKind.Nothing);
            _bytes[i] = accesses ? Math.Max(1, instruction.MemorySize.GetSize()) : 0;
            if (accesses) _operands[i] = block.AddressOf(in instruction);
        }
    }

    /// <summary>After an instruction: forgets what was known of addresses with registers that it writes.</summary>
    public void Follow(int i)
    {
        _stackMoved += _stackMoves[i];
        int written = _written[i];
        if (written == 0) return;
        foreach (ref PageFact fact in Known)
        {
            if (fact.Address.Uses(written)) fact.Holds = false;
        }
    }

    /// <summary>Forgets what was known of addresses in a segment: its base changes.</summary>
    public void ForgetSegment(int segment)
    {
        foreach (ref PageFact fact in Known)
        {
            if (fact.Address.Segment == segment) fact.Holds = false;
        }
    }

    /// <summary>Forgets what was known of a slot: a miss of an access beside the facts fills it all the same.</summary>
    public void ForgetSlot(int slot)
    {
        foreach (ref PageFact fact in Known)
        {
            if (fact.Slot == slot) fact.Holds = false;
        }
    }

    /// <summary>An operand's distance from its registers, that of RSP at the start of the block.</summary>
    public long PlaceOf(in OperandAddress address) => address.Displacement + (address.IsOnStack ? _stackMoved : 0);

    /// <summary>The number of the fact that covers an access; -1 when there is none.</summary>
    public int Find(in OperandAddress address, long at, int size, bool aligned)
    {
        Span<PageFact> known = Known;
        for (int i = 0; i < known.Length; i++)
        {
            ref readonly PageFact fact = ref known[i];
            if (!fact.Holds || at < fact.Low || at + size > fact.High || !fact.Address.HasRegistersOf(in address)) continue;
            if (!aligned || (fact.Alignment >= size && (at - fact.Low) % size == 0)) return i;
        }

        return -1;
    }

    /// <summary>Adds a fact, in place of the oldest.</summary>
    /// <returns>Its number.</returns>
    public int Add(in OperandAddress address, long low, long high, bool writes, int slot, int alignment)
    {
        ForgetSlot(slot);
        int number = _next++ % MaxFacts;
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

    /// <summary>The slot for an access: RSP has one; others are spread by registers, place of the code and far displacements.</summary>
    public int ChooseSlot(in OperandAddress address)
    {
        const int Tries = 4;
        const int RegionShift = 7;
        int bank = (block.Mode & ExecutionMode.User) != 0 ? 0 : PageSlots.PerBank;
        if (address.IsOnStack) return bank;
        ulong hash = (ulong)(address.Displacement >> 12) * 7;
        if (address.IsRelative)
        {
            hash = (ulong)(block.Page + address.Displacement) >> 12;
        }
        else if (address.Base >= 0 || address.Index >= 0)
        {
            ulong region = (ulong)(block.Page + block.Start) >> RegionShift;
            hash += (region * 29) + (ulong)((address.Base + 2) * (address.Index + 5));
        }

        int slot = 0;
        for (int i = 0; i < Tries; i++)
        {
            slot = bank + 1 + (int)((hash + (ulong)i) % (PageSlots.PerBank - 1));
            if (!IsTaken(slot, in address)) break;
        }

        return slot;
    }

    /// <summary>Widens what an access checks to the accesses after it that are near and have the same registers.</summary>
    /// <param name="i">The access's instruction.</param>
    /// <param name="address">Its address.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="aligned">It must be aligned to its size.</param>
    /// <param name="low">Its place; then the first place that is checked.</param>
    /// <param name="high">The place after it; then the one after the last that is checked.</param>
    /// <returns>True when there are any.</returns>
    public bool FindExtent(int i, in OperandAddress address, int size, bool aligned, ref long low, ref long high)
    {
        long at = low;
        if (address.IsInPage)
        {
            // The page is known, and no other can follow within it.
            long page = at & ~(BlockContext.PageSize - 1L);
            if (at + size > page + BlockContext.PageSize || (aligned && (at - page) % size != 0)) return false;
            low = page;
            high = page + BlockContext.PageSize;
            return true;
        }

        bool shared = false;
        long moved = _stackMoved;
        int alignment = aligned ? size : 1;
        int end = Math.Min(block.Count, i + LookAhead);
        for (int j = i; j < end; j++)
        {
            InstructionKind kind = InstructionShapes.Of(block.Instructions[j].Code).Kind;
            if (j > i)
            {
                if (_bytes[j] != 0) shared |= Widen(in address, in _operands[j], moved, _bytes[j], at, alignment, ref low, ref high);

                if (StackAccess(kind) is { } top)
                    shared |= Widen(in address, block.StackAddress(top), moved, block.AddressBytes, at, alignment, ref low, ref high);
            }

            if (address.Uses(_written[j]) || (address.Segment == Seg.Gs && kind == InstructionKind.SwapGs)) return shared;
            moved += _stackMoves[j];
        }

        return shared;
    }

    /// <summary>How far from RSP an instruction accesses the stack; null when it doesn't.</summary>
    private int? StackAccess(InstructionKind kind) => kind switch
    {
        InstructionKind.Push or InstructionKind.PushFlags or InstructionKind.Call or InstructionKind.IndirectCall => -block.AddressBytes,
        InstructionKind.Pop or InstructionKind.Return => 0,
        _ => null,
    };

    private bool IsTaken(int slot, in OperandAddress address)
    {
        foreach (ref readonly PageFact fact in Known)
        {
            if (fact.Holds && fact.Slot == slot && !fact.Address.HasRegistersOf(in address)) return true;
        }

        return false;
    }

    private static bool Widen(
        in OperandAddress address, in OperandAddress other, long moved, int size, long at, int alignment, ref long low, ref long high)
    {
        if (!address.HasRegistersOf(in other)) return false;
        long place = other.Displacement + (other.IsOnStack ? moved : 0);
        long newLow = Math.Min(low, place);
        long newHigh = Math.Max(high, place + size);
        bool fits = newHigh - newLow <= PageSlots.Window && address.Displacement + (newLow - at) >= int.MinValue;
        if (!fits || (at - newLow) % alignment != 0) return false;
        low = newLow;
        high = newHigh;
        return true;
    }
}
