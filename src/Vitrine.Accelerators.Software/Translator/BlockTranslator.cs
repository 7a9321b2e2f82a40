using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.Accelerators.Software.Translator.Listing;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Writes the host code of a guest block. Most instructions are copied: their operands are in host registers of the same name already,
/// and a memory operand becomes the host address that the TLB gives. Here: the way through a block.
/// </summary>
/// <remarks>
/// Arithmetic flags are the host's within a block. The check of the TLB destroys them, so they are saved before it if they are still
/// wanted, and at the end of every block: between blocks they are in <see cref="CpuState.PackedFlags"/>.
/// </remarks>
internal sealed unsafe partial class BlockTranslator : IDisposable
{
    // SAFETY: reads guest code within its page, and writes code where the cache has MaxHostBytes left.

    /// <summary>Most instructions in a block.</summary>
    public const int MaxInstructions = 64;

    /// <summary>More than the code of any block needs.</summary>
    public const int MaxHostBytes = MaxInstructions * 512;

    private const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;

    private const int PageSize = Page.Size;
    private const int MaxLength = 15;

    // Of a cache line: how fast a short loop runs should not depend on what was translated before it.
    private const int LoopAlignment = 64;

    private readonly TranslationCache _cache;
    private readonly EntryStubs _stubs;
    private readonly StateOffsets _at = StateOffsets.Instance;
    private readonly bool _exact;
    private readonly bool _shares;
    private readonly bool _counts;
    private readonly PageCodeReader _reader = new();
    private Decoder _decoder32;
    private Decoder _decoder64;
    private HostBinder? _native;
    private readonly Instruction[] _instructions = new Instruction[MaxInstructions];
    private readonly RflagsBits[] _wanted = new RflagsBits[MaxInstructions];
    private readonly RflagsBits[] _wantedBehind = new RflagsBits[MaxInstructions];
    private CodeEmitter _emitter;
    private byte* _page;
    private int _count;
    private int _start;
    private bool _is64;
    private ExecutionMode _mode;
    private bool _interpretedEnd;
    private bool _isCrossing;
    private int _endOffset;

    // The bytes of an instruction that lies in two pages.
    private readonly byte* _crossing;
    private ICodeSink? _sink;
    private bool _isListed;
    private int _limit = MaxInstructions;
    private bool? _entry;

    /// <summary>Creates a translator that writes into a cache.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="exact">For lockstep: flags are kept that only another block overwrites, and strings are no longer than the interpreter's trial.</param>
    /// <param name="shares">The machine has several vCPUs: one that spins may have to make room for the one that it waits for.</param>
    /// <param name="counts">The code counts what it does.</param>
    public BlockTranslator(TranslationCache cache, bool exact, bool shares, bool counts = false)
    {
        _exact = exact;
        _shares = shares;
        _counts = counts;
        _crossing = (byte*)NativeMemory.AllocZeroed(MaxLength + 1);
        _cache = cache;
        _stubs = cache.Stubs;
        Use(null);
    }

    /// <summary>Sets the instructions that the guest's processor has besides those of the interpreter.</summary>
    /// <param name="native">Which they are; null for none.</param>
    [MemberNotNull(nameof(_decoder32), nameof(_decoder64))]
    public void Use(HostBinder? native)
    {
        _native = native;
        DecoderOptions = BlockBuilder.OptionsFor(native);
        _decoder32 = Decoder.Create(32, _reader, DecoderOptions);
        _decoder64 = Decoder.Create(64, _reader, DecoderOptions);
    }

    /// <summary>Code of the same page that the last translated block depends on besides its own: offsets and lengths in bytes.</summary>
    public IReadOnlyList<(int Offset, int Bytes)> LookedAt => _lookedAt;

    /// <summary>Translates the block at a host address.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="entry">A branch from anywhere wants to enter it: whether its page is global. Null when one within the page does.</param>
    /// <returns>The block, in the cache; null when not even the first instruction ends in the page.</returns>
    public TranslatedBlock* Translate(byte* guest, ExecutionMode mode, bool? entry = null) => Translate(guest, null, mode, entry);

    /// <summary>Translates the only instruction at a host address that reaches into the next page.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that it goes on in.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <returns>The block, in the cache; null when the interpreter has to execute it.</returns>
    public TranslatedBlock* TranslateCrossing(byte* guest, byte* secondPage, ExecutionMode mode) => Translate(guest, secondPage, mode, null);

    private TranslatedBlock* Translate(byte* guest, byte* secondPage, ExecutionMode mode, bool? entry)
    {
        long start = StartOfTranslation;
        _entry = entry;
        TranslatedBlock* stored = TryWrite(guest, secondPage, mode, out TranslatedBlock block) ? _cache.Commit(in block, in _emitter) : null;
        _entry = null;
        NoteTranslationSince(start);
        return stored;
    }

    private bool TryWrite(byte* guest, byte* secondPage, ExecutionMode mode, out TranslatedBlock block)
    {
        block = default;
        _counterBytes = 0;
        if (!TryDecode(guest, secondPage, mode)) return false;
        _emitter = _cache.Emitter;
        bool polls = IsOwnLoop();
        if (polls && !_isListed) _emitter.Align(LoopAlignment);
        block = new TranslatedBlock { Guest = guest, Mode = mode, SecondPage = secondPage };
        _pendingCount = 0;
        if (_entry is bool isGlobal && !polls)
        {
            // The way in leads on into the block.
            PlaceEntry(ref block, isGlobal);
            EmitPoll(_start);
        }

        byte* body = _emitter.Position;
        _flags = FlagsPlace.Memory;
        _x87Ready = false;
        _vectorsReady = false;
        StartFacts();
        int secondCell = _isCrossing && !_isListed ? _cache.AllocateCell() : 0;
        if (_isCrossing) EmitSecondPageCheck(secondCell);
        if (polls) EmitPoll(_start);
        Count(TranslationCounter.Blocks);
        _uncounted = 0;
        int offset = _start;
        for (int i = 0; i < _count; i++)
        {
            offset = _start + (int)_instructions[i].IP;
            _sink?.BeginInstruction(offset, _emitter.Position);
            CountInstruction(i);
            Emit(i, offset);
            FollowRegisters(i);
        }

        if (_count > 0) offset += _instructions[_count - 1].Length;
        _sink?.BeginEnd(offset, _interpretedEnd, _emitter.Position);
        CountInstructions();
        EmitEnd(offset);
        EmitPending();
        block.GuestBytes = (ushort)Math.Clamp(offset - _start, 1, PageSize - _start);
        block.SecondCell = secondCell;
        block.Instructions = (ushort)_count;
        block.Polls = polls;
        block.Body = body + _cache.ToExecutable;
        _endOffset = offset;
        return true;
    }

    private bool TryDecode(byte* guest, byte* secondPage, ExecutionMode mode)
    {
        _start = (int)((ulong)guest & 0xFFF);
        _isCrossing = secondPage != null;
        if (_isCrossing) JoinPages(guest, secondPage);
        _page = (_isCrossing ? _crossing : guest) - _start;
        _mode = mode;
        _is64 = (mode & ExecutionMode.Code64) != 0;
        _lookedAt.Clear();
        Decode();
        if (_count == 0 && !_interpretedEnd) return false;
        FindWantedFlags();
        return true;
    }

    private void JoinPages(byte* guest, byte* secondPage)
    {
        int first = PageSize - _start;
        for (int i = 0; i < MaxLength; i++) _crossing[i] = i < first ? guest[i] : secondPage[i - first];
    }

    /// <summary>Bytes of the last translated block that lie in its second page.</summary>
    public int BytesInSecondPage => _endOffset - PageSize;

    // A key that matches says: in this address space, the page behind the present one is the expected one.
    private void EmitSecondPageCheck(int cell)
    {
        _emitter.Mov(RegisterMap.First, State(_at.PageRip));
        _emitter.Xor(RegisterMap.First, State(_at.CodeKey));
        _emitter.Cmp(RegisterMap.First, State(StateMemory.Keys + (cell * sizeof(ulong))));
        DeferIf(Condition.NotEqual, PendingKind.SecondPage, _start);
    }

    /// <summary>Writes the code by which branches from anywhere enter a block.</summary>
    /// <param name="block">The block. An entry that it has is replaced.</param>
    /// <param name="isGlobal">Its page is global: the key holds in all address spaces.</param>
    public void AddEntry(TranslatedBlock* block, bool isGlobal)
    {
        _emitter = _cache.Emitter;
        PlaceEntry(ref *block, isGlobal);
        EmitPollAndJump((int)((ulong)block->Guest & 0xFFF), block->Body);
        _cache.CommitEntry(block, in _emitter);
    }

    private void PlaceEntry(ref TranslatedBlock block, bool isGlobal)
    {
        block.Cell = _cache.CellFor(in block, isGlobal);
        block.EntryIsGlobal = isGlobal;
        block.Entry = _emitter.Position + _cache.ToExecutable;
        EmitEntry(in block);
    }

    private void EmitEntry(in TranslatedBlock block)
    {
        int offset = (int)((ulong)block.Guest & 0xFFF);
        OperandSize size = (block.Mode & ExecutionMode.Code64) != 0 ? OperandSize.Qword : OperandSize.Dword;
        _emitter.Lea(RegisterMap.Second, new HostOperand(RegisterMap.First, -offset), size);
        _emitter.Xor(RegisterMap.Second, State(block.EntryIsGlobal ? _at.GlobalKey : _at.CodeKey));
        _emitter.Cmp(RegisterMap.Second, State(StateMemory.Keys + (block.Cell * sizeof(ulong))));
        _emitter.Jcc(Condition.NotEqual, _stubs.Lookup);
        _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, -offset), size);
        _emitter.Mov(State(_at.PageRip), RegisterMap.First);
    }

    /// <summary>Writes the code by which branches backwards in the same page enter a block.</summary>
    public void AddLoopEntry(TranslatedBlock* block)
    {
        _emitter = _cache.Emitter;
        block->LoopEntry = _emitter.Position + _cache.ToExecutable;
        EmitPollAndJump((int)((ulong)block->Guest & 0xFFF), block->Body);
        _cache.CommitEntry(block, in _emitter);
    }

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.Free(_crossing);

    /// <summary>Size of addresses, and of what PUSH and POP move.</summary>
    private OperandSize AddressSize => _is64 ? OperandSize.Qword : OperandSize.Dword;

    private static HostOperand State(int offset) => new(RegisterMap.State, offset);

    private byte* Writable(byte* executable) => executable - _cache.ToExecutable;

    private void EmitPollAndJump(int offset, byte* body)
    {
        CompareWithZero(_at.PollAt);
        _emitter.Jcc(Condition.NotEqual, Writable(body));
        _emitter.Call(_stubs.Poll);
        _emitter.Word(offset);
    }

    private void EmitPoll(int offset)
    {
        CompareWithZero(_at.PollAt);
        DeferIf(Condition.Equal, PendingKind.Poll, offset);
    }

    private void CompareWithZero(int stateOffset)
    {
        _emitter.Cmp(State(stateOffset), 0);
    }

    private void Decode()
    {
        Decoder decoder = _is64 ? _decoder64 : _decoder32;
        _reader.Start(_page + _start, _isCrossing ? MaxLength : PageSize - _start);
        decoder.IP = 0;
        _count = 0;
        _interpretedEnd = false;
        while (_count < (_isCrossing ? 1 : _limit))
        {
            ref Instruction instruction = ref _instructions[_count];
            decoder.Decode(out instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes)
            {
                // The page ends within it: it is a block of its own.
                if (_count != 0 && _start + (int)instruction.IP < PageSize && InstructionShapes.Of(_instructions[_count - 1].Code).Kind == InstructionKind.SetInterrupts)
                {
                    _interpretedEnd = true;
                    _count--;
                }

                return;
            }

            if (!CanTranslate(in instruction))
            {
                _interpretedEnd = true;
                return;
            }

            if (InstructionShapes.Of(instruction.Code).Kind == InstructionKind.SetInterrupts && (_isCrossing || _count == MaxInstructions - 1))
            {
                // The instruction behind it must not be another block's, before which somebody might look for interrupts.
                _interpretedEnd = true;
                return;
            }

            _count++;
            if (instruction.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch)) return;
        }
    }

    /// <summary>A branch of the block leads to its own start.</summary>
    private bool IsOwnLoop()
    {
        for (int i = 0; i < _count; i++)
        {
            if (_instructions[i].FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch && TargetOffset(in _instructions[i]) == _start)
                return true;
        }

        return false;
    }

    /// <summary>A direct branch's target, as its distance from the start of the page.</summary>
    private long TargetOffset(in Instruction instruction) => instruction.Op0Kind switch
    {
        OpKind.NearBranch64 => _start + (long)instruction.NearBranch64,
        OpKind.NearBranch32 => _start + (int)instruction.NearBranch32,
        _ => long.MinValue,
    };

    private void Emit(int i, int offset)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
        switch (shape.Kind)
        {
            case InstructionKind.Nothing:
                return;
            case InstructionKind.Copied or InstructionKind.ShortIncrement or InstructionKind.AbsoluteMove:
                EmitCopied(i, offset, in shape);
                return;
            case InstructionKind.Lea:
                EmitLea(in instruction, offset);
                return;
            case InstructionKind.Push:
                EmitPush(i, offset, in shape);
                return;
            case InstructionKind.Pop:
                EmitPop(i, offset);
                return;
            case InstructionKind.Leave:
                EmitLeave(i, offset);
                return;
            case InstructionKind.Divide or InstructionKind.SignedDivide:
                EmitDivide(i, offset, shape.Kind == InstructionKind.SignedDivide);
                return;
            case InstructionKind.SwapGs:
                EmitSwapGs();
                return;
            case InstructionKind.ClearInterrupts:
                EmitClearInterrupts(i);
                return;
            case InstructionKind.SetInterrupts:
                EmitSetInterrupts(i, offset);
                return;
            case InstructionKind.MoveString or InstructionKind.StoreString:
                EmitString(i, offset, shape.Kind == InstructionKind.MoveString);
                return;
            case InstructionKind.PushFlags:
                EmitPushFlags(i, offset);
                return;
            default:
                EmitBranch(i, offset, in shape);
                return;
        }
    }
}
