using System.Diagnostics.CodeAnalysis;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Integer;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>
/// Turns guest bytes into a block: decodes up to an unconditional branch, the end of the page or the size limit, finds
/// flags that nobody will see, joins compare-and-branch pairs, and binds handlers.
/// </summary>
internal sealed unsafe class BlockBuilder
{
    // SAFETY: callers give a buffer with as many readable bytes as they say and a block with room for MaxOperations.

    /// <summary>Most operations in a block, with the one that ends it and two that check it.</summary>
    public const int MaxOperations = 51;

    private const int MaxLength = 15;
    private const int MaxInstructions = MaxOperations - 3;
    private const DecoderOptions Options =
        DecoderOptions.ForceReservedNop | DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd;

    private const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;

    private readonly PageCodeReader _reader = new();
    private Decoder _decoder16;
    private Decoder _decoder32;
    private Decoder _decoder64;
    private readonly Instruction[] _instructions = new Instruction[MaxInstructions];
    private readonly bool[] _flagsDead = new bool[MaxInstructions];
    private readonly OpTable _table = OpTable.Instance;
    private ExtraInstructions? _extra;

    /// <summary>Creates the builder with its decoders, for the interpreter's instructions.</summary>
    public BlockBuilder() => CreateDecoders(Options);

    /// <summary>The offset in a page before which blocks end, see <see cref="StopPoint"/>.</summary>
    public int StopOffset { get; set; } = StopPoint.None;

    /// <summary>Adds instructions beyond those of the table, or takes them away.</summary>
    /// <param name="extra">Which they are; null for none.</param>
    public void Use(ExtraInstructions? extra)
    {
        _extra = extra;
        CreateDecoders(OptionsFor(extra));
    }

    /// <summary>How to decode for a processor.</summary>
    /// <param name="extra">The instructions that it has besides those of the interpreter; null for none.</param>
    internal static DecoderOptions OptionsFor(ExtraInstructions? extra)
    {
        DecoderOptions options = Options;
        if (extra is { HasTzcnt: true }) options &= ~DecoderOptions.NoMPFX_0FBC;
        if (extra is { HasLzcnt: true }) options &= ~DecoderOptions.NoMPFX_0FBD;
        return options;
    }

    /// <summary>Decodes a block.</summary>
    /// <param name="bytes">The code.</param>
    /// <param name="length">Readable bytes: to the end of the page, or enough for one instruction that crosses it.</param>
    /// <param name="pageOffset">Where in its page the code begins.</param>
    /// <param name="mode">The mode.</param>
    /// <param name="limit">Most instructions. A block of one checks nothing: who runs it does.</param>
    /// <param name="block">Receives the operations, <see cref="Block.Bytes"/> and <see cref="Block.Count"/>.</param>
    /// <returns>False when not even the first instruction is complete in <paramref name="length"/> bytes.</returns>
    public bool Build(byte* bytes, int length, int pageOffset, ExecutionMode mode, int limit, Block* block)
    {
        int count = Decode(bytes, length, mode, Math.Min(limit, MaxInstructions), StopOffset - pageOffset);
        if (count == 0) return false;
        FindDeadFlags(count);
        Op* ops = Block.Ops(block);
        int emitted = 0;
        if ((mode & ExecutionMode.SelfChecking) != 0 && limit > 1) ops[emitted++].Handler = &SelfCheck.Run;
        if (pageOffset == StopOffset && limit > 1) ops[emitted++].Handler = &StopCheck.Run;
        for (int i = 0; i < count; i++)
        {
            ref Instruction instruction = ref _instructions[i];
            Op* op = ops + emitted++;
            Fill(in instruction, op, mode);
            op->Position = (ushort)(i + 1);
            if (i + 1 < count && TryFuse(in instruction, in _instructions[i + 1], op))
            {
                i++;
                op->Position = (ushort)(i + 1);
                op->StaysInPage = CanLink(_instructions[i].Op0Kind) && StaysInPage(pageOffset, op->Disp);
                continue;
            }

            BindContext context = new(mode, _flagsDead[i]);
            if (instruction.IsInvalid && instruction.Length == MaxLength && IsTooLong(bytes + instruction.IP, mode)) op->Handler = &Faults.GeneralProtection;
            else Bind(in instruction, in context, op);
            if (CanLink(instruction.Op0Kind))
            {
                op->StaysInPage = StaysInPage(pageOffset, (long)op->Imm);
            }
        }

        ref Instruction last = ref _instructions[count - 1];
        int total = (int)last.IP + last.Length;
        Op* end = ops + emitted++;
        end->Handler = &ControlFlow.EndOfBlock;
        end->RipOffset = (ushort)total;
        end->Position = (ushort)count;
        end->StaysInPage = pageOffset + total < 0x1000;
        block->Bytes = (ushort)total;
        block->Count = (ushort)emitted;
        block->Mode = mode;
        return true;
    }

    /// <summary>
    /// A 16-bit branch cuts its target off at 64 KiB: how far away that is depends on where CS begins, which another far
    /// transfer to the same bytes may have changed.
    /// </summary>
    private static bool CanLink(OpKind target) => target is OpKind.NearBranch32 or OpKind.NearBranch64;

    [MemberNotNull(nameof(_decoder16), nameof(_decoder32), nameof(_decoder64))]
    private void CreateDecoders(DecoderOptions options)
    {
        _decoder16 = Decoder.Create(16, _reader, options);
        _decoder32 = Decoder.Create(32, _reader, options);
        _decoder64 = Decoder.Create(64, _reader, options);
    }

    private void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        if (_extra is null || _table.Contains(instruction.Code) || !_extra.Contains(instruction.Code)) _table.Bind(in instruction, in context, op);
        else _extra.Bind(in instruction, in context, op);
    }

    private static bool StaysInPage(int pageOffset, long distance) => (ulong)(pageOffset + distance) < 0x1000;

    private Decoder DecoderFor(ExecutionMode mode) => (mode & ExecutionMode.Code64) != 0 ? _decoder64
        : (mode & ExecutionMode.Code32) != 0 ? _decoder32 : _decoder16;

    /// <summary>
    /// Tells an instruction of more than 15 bytes (#GP) from an invalid one of 15 (#UD): so long a one begins with a prefix,
    /// and without it wants more than the bytes that are left.
    /// </summary>
    private bool IsTooLong(byte* bytes, ExecutionMode mode)
    {
        Decoder decoder = DecoderFor(mode);
        _reader.Start(bytes + 1, MaxLength - 1);
        decoder.Decode(out _);
        return decoder.LastError == DecoderError.NoMoreBytes;
    }

    private int Decode(byte* bytes, int length, ExecutionMode mode, int limit, int stop)
    {
        Decoder decoder = DecoderFor(mode);
        _reader.Start(bytes, length);
        decoder.IP = 0;
        int count = 0;
        while (count < limit && (count == 0 || (int)decoder.IP != stop))
        {
            ref Instruction instruction = ref _instructions[count];
            decoder.Decode(out instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes) break;
            count++;
            if (instruction.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch)) break;
        }

        return count;
    }

    /// <summary>Backwards over the block: flags that a later instruction overwrites before anything reads or can expose them.</summary>
    private void FindDeadFlags(int count)
    {
        RflagsBits live = ArithmeticFlags;
        for (int i = count - 1; i >= 0; i--)
        {
            ref Instruction instruction = ref _instructions[i];
            RflagsBits written = instruction.RflagsModified & ArithmeticFlags;
            _flagsDead[i] = written != 0 && (written & live) == 0;
            if (CannotFault(in instruction))
            {
                live &= ~written;
                live |= instruction.RflagsRead & ArithmeticFlags;
            }
            else
            {
                live = ArithmeticFlags;
            }
        }
    }

    /// <summary>Register-only moves and arithmetic that always write the flags they name.</summary>
    private static bool CannotFault(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is not (OpKind.Register or OpKind.Immediate8 or OpKind.Immediate8to16 or OpKind.Immediate8to32
                or OpKind.Immediate8to64 or OpKind.Immediate16 or OpKind.Immediate32 or OpKind.Immediate32to64 or OpKind.Immediate64))
            {
                return false;
            }

            // Segment, control and debug registers can refuse.
            if (instruction.GetOpKind(i) == OpKind.Register && !instruction.GetOpRegister(i).IsGPR()) return false;
        }

        return instruction.Mnemonic is Mnemonic.Add or Mnemonic.Sub or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Cmp or Mnemonic.Test
            or Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not or Mnemonic.Mov or Mnemonic.Movzx
            or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Imul && instruction.OpCount > 1;
    }

    private static bool TryFuse(in Instruction first, in Instruction second, Op* op)
    {
        Handler handler = FusedBranches.Find(in first, in second, out bool immediate);
        if (handler == null) return false;
        op->Dst = Operands.Offset(first.Op0Register);
        if (!immediate) op->Src = Operands.Offset(first.Op1Register);
        op->Disp = (long)second.NearBranch64;
        op->Length = (byte)(first.Length + second.Length);
        op->Handler = handler;
        return true;
    }

    private static void Fill(in Instruction instruction, Op* op, ExecutionMode mode)
    {
        op->Length = (byte)instruction.Length;
        op->RipOffset = (ushort)instruction.IP;
        op->Base = CpuState.ZeroOffset;
        op->Index = CpuState.ZeroOffset;
        op->SegmentBase = CpuState.ZeroOffset;
        if (instruction.HasLockPrefix) op->Traits |= OpTraits.Lock;
        if (instruction.HasRepPrefix) op->Traits |= OpTraits.Repeat;
        if (instruction.HasRepnePrefix) op->Traits |= OpTraits.RepeatWhileNotEqual;
        BindContext context = new(mode);
        for (int i = 0; i < instruction.OpCount; i++)
        {
            OpKind kind = instruction.GetOpKind(i);
            switch (kind)
            {
                case OpKind.Memory:
                    Operands.Memory(in instruction, in context, op);
                    break;
                case OpKind.MemorySegSI or OpKind.MemoryESDI:
                    op->Traits |= OpTraits.Address16;
                    Operands.StringSegment(in instruction, in context, op);
                    break;
                case OpKind.MemorySegESI or OpKind.MemoryESEDI:
                    op->Traits |= OpTraits.Address32;
                    Operands.StringSegment(in instruction, in context, op);
                    break;
                case OpKind.MemorySegDI or OpKind.MemorySegEDI or OpKind.MemorySegRDI or OpKind.MemorySegRSI or OpKind.MemoryESRDI:
                    Operands.StringSegment(in instruction, in context, op);
                    if (kind == OpKind.MemorySegDI) op->Traits |= OpTraits.Address16;
                    if (kind == OpKind.MemorySegEDI) op->Traits |= OpTraits.Address32;
                    break;
                case OpKind.NearBranch16:
                    op->Imm = (ulong)(short)instruction.NearBranch16;
                    break;
                case OpKind.NearBranch32:
                    op->Imm = (ulong)(int)instruction.NearBranch32;
                    break;
                case OpKind.NearBranch64:
                    op->Imm = instruction.NearBranch64;
                    break;
                case >= OpKind.Immediate8 and <= OpKind.Immediate32to64:
                    op->Imm = instruction.GetImmediate(i);
                    break;
            }
        }
    }
}
