using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.Accelerators.Software.Translator.Emission;
using Vitrine.Accelerators.Software.Translator.Listing;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Writes the host code of a guest block. Most instructions are copied: their operands are in host registers of the same name already, and
/// a memory operand becomes the host address that the TLB gives. Here: the way through a block, and who emits which kind of instruction.
/// </summary>
internal sealed unsafe class BlockWriter : IDisposable
{
    // SAFETY: writes code where the cache has MaxHostBytes left.

    // Of a cache line: how fast a short loop runs should not depend on what was translated before it.
    private const int LoopAlignment = 64;

    private readonly TranslationCache _cache;
    private readonly FlagTracker _flags;
    private readonly BlockExits _exits;
    private readonly PageFacts _facts;
    private readonly FloatStateLoader _floats;
    private readonly CopyEmitter _copies;
    private readonly StackEmitter _stack;
    private readonly DivisionEmitter _divisions;
    private readonly StringEmitter _strings;
    private readonly SystemEmitter _system;
    private readonly BranchEmitter _branches;

    /// <summary>Creates a writer into a cache.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="exact">For lockstep, see <see cref="BlockContext"/>.</param>
    /// <param name="shares">The machine has several vCPUs, see <see cref="TranslationRules"/>.</param>
    /// <param name="counts">The code counts what it does.</param>
    /// <param name="copies">Code is made of copies of its pages.</param>
    public BlockWriter(TranslationCache cache, bool exact, bool shares, bool counts, bool copies)
    {
        _cache = cache;
        Block = new BlockContext(exact);
        Rules = new TranslationRules(Block, shares);
        Decoder = new BlockDecoder(Block, Rules, copies);
        Liveness = new FlagLiveness(Block, Decoder, Rules);
        Counters = new BlockCounters(Block, counts);

        SecondRegister second = new();
        AddressEmitter addresses = new(Block, second);
        HeldRegisters held = new(Block, second);
        JumpEmitter jumps = new(Block, Counters);
        _flags = new FlagTracker(Block, Liveness);
        _facts = new PageFacts(Block);
        _exits = new BlockExits(Block, cache.Stubs, addresses, jumps);
        Entries = new EntryEmitter(Block, cache, cache.Stubs, _exits);
        Memory = new MemoryAccess(Block, _flags, Counters, _exits, addresses, second, _facts);

        _floats = new FloatStateLoader(Block, _flags, _exits, second);
        _copies = new CopyEmitter(Block, _flags, Memory, addresses, held, second, _floats);
        _stack = new StackEmitter(Block, _flags, Memory, held, second);
        _divisions = new DivisionEmitter(Block, _flags, _exits, Memory, held, second);
        _strings = new StringEmitter(Block, _flags, _exits, Memory, second);
        _system = new SystemEmitter(Block, _flags, _exits, second, _facts);
        _branches = new BranchEmitter(Block, _flags, Liveness, _exits, jumps, Memory, _stack, held, second);
    }

    /// <summary>The block that is, or was last, written.</summary>
    public BlockContext Block { get; }

    /// <summary>Which instructions are translated.</summary>
    public TranslationRules Rules { get; }

    /// <summary>Finds its instructions.</summary>
    public BlockDecoder Decoder { get; }

    /// <summary>The flags that its instructions keep.</summary>
    public FlagLiveness Liveness { get; }

    /// <summary>What its code counts.</summary>
    public BlockCounters Counters { get; }

    /// <summary>The ways into blocks.</summary>
    public EntryEmitter Entries { get; }

    /// <summary>How its code accesses memory.</summary>
    public MemoryAccess Memory { get; }

    /// <summary>Is told where the parts of each block's code begin; null as a rule.</summary>
    public ICodeSink? Sink { get; set; }

    /// <summary>Decodes a block, and finds the flags that it keeps.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <returns>False when there is nothing to translate.</returns>
    public bool TryDecode(byte* guest, byte* secondPage, ExecutionMode mode)
    {
        Liveness.Begin();
        if (!Decoder.TryDecode(guest, secondPage, mode)) return false;
        Liveness.Find();
        return true;
    }

    /// <summary>Writes the block at a host address, where the cache's next code goes. The cache doesn't know of it yet.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="entry">
    /// A branch from anywhere wants to enter it: whether its page is global. Null when one within the page does.
    /// </param>
    /// <param name="isKept">It becomes part of the cache, and so has a place and a key of its own.</param>
    /// <param name="block">What is known of it.</param>
    /// <returns>False when there is nothing to translate.</returns>
    public bool TryWrite(byte* guest, byte* secondPage, ExecutionMode mode, bool? entry, bool isKept, out TranslatedBlock block)
    {
        block = default;
        Counters.Begin();
        if (!TryDecode(guest, secondPage, mode)) return false;
        block = new TranslatedBlock { Guest = guest, Mode = mode, SecondPage = secondPage, Polls = Block.IsOwnLoop() };
        Begin(block.Polls, isKept);
        if (entry is bool isGlobal && !block.Polls)
        {
            // The way in leads on into the block.
            Entries.Place(ref block, isGlobal);
            Entries.Poll();
        }

        block.Body = Block.Asm.Position + _cache.ToExecutable;
        if (Block.IsCrossing)
        {
            block.SecondCell = isKept ? _cache.AllocateCell() : 0;
            Entries.CheckSecondPage(block.SecondCell);
        }

        if (block.Polls) Entries.Poll();
        if ((mode & ExecutionMode.SelfChecking) != 0) Entries.CompareCode();
        Counters.Count(TranslationCounter.Blocks);
        WriteInstructions();
        block.GuestBytes = (ushort)Math.Clamp(Block.End - Block.Start, 1, BlockContext.PageSize - Block.Start);
        block.Instructions = (ushort)Block.Count;
        block.LowestTarget = Block.LowestTarget;
        block.HighestTarget = Block.HighestTarget;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Decoder.Dispose();

    private void Begin(bool isOwnLoop, bool isKept)
    {
        Block.Asm = _cache.Emitter;
        if (isOwnLoop && isKept) Block.Asm.Align(LoopAlignment);
        _exits.Begin();
        _flags.Begin();
        _floats.Begin();
        Memory.Begin(isOwnLoop);
    }

    private void WriteInstructions()
    {
        for (int i = 0; i < Block.Count; i++)
        {
            int offset = Block.Start + (int)Block.Instructions[i].IP;
            Sink?.BeginInstruction(offset, Block.Asm.Position);
            Counters.CountInstruction(i);
            WriteInstruction(i, offset);
            _facts.Follow(i);
        }

        Sink?.BeginEnd(Block.End, Block.EndsInterpreted, Block.Asm.Position);
        Counters.CountInstructions();
        _branches.End(Block.End);
        _exits.EmitPending(Sink);
    }

    private void WriteInstruction(int i, int offset)
    {
        ref readonly Instruction instruction = ref Block.Instructions[i];
        ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
        switch (shape.Kind)
        {
            case InstructionKind.Nothing: break;
            case InstructionKind.Copied: _copies.Copy(i, offset, in shape); break;
            case InstructionKind.ShortIncrement: _copies.ShortIncrement(i); break;
            case InstructionKind.AbsoluteMove: _copies.AbsoluteMove(i, offset); break;
            case InstructionKind.ReadSegment: _copies.ReadSegment(in instruction); break;
            case InstructionKind.Lea: _copies.LoadAddress(in instruction); break;
            case InstructionKind.Push: _stack.Push(i, offset); break;
            case InstructionKind.Pop: _stack.Pop(i, offset); break;
            case InstructionKind.PushFlags: _stack.PushFlags(i, offset); break;
            case InstructionKind.Leave: _stack.Leave(i, offset); break;
            case InstructionKind.Divide: _divisions.Emit(i, offset, signed: false); break;
            case InstructionKind.SignedDivide: _divisions.Emit(i, offset, signed: true); break;
            case InstructionKind.MoveString: _strings.Emit(i, offset, moves: true); break;
            case InstructionKind.StoreString: _strings.Emit(i, offset, moves: false); break;
            case InstructionKind.SwapGs: _system.SwapGs(); break;
            case InstructionKind.ClearInterrupts: _system.ClearInterrupts(i); break;
            case InstructionKind.SetInterrupts: _system.SetInterrupts(i, offset); break;
            case InstructionKind.ConditionalJump: _branches.ConditionalJump(in instruction); break;
            case InstructionKind.Jump: _branches.Jump(in instruction); break;
            case InstructionKind.IndirectJump: _branches.IndirectJump(i, offset); break;
            case InstructionKind.Call: _branches.Call(i, offset); break;
            case InstructionKind.IndirectCall: _branches.IndirectCall(i, offset); break;
            case InstructionKind.Return: _branches.Return(i, offset); break;
        }
    }
}
