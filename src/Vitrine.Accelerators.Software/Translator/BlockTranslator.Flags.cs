using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Which flags are wanted where, and their way to memory and back.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private readonly List<(int Offset, int Bytes)> _lookedAt = [];
    private const int MaxOperand = 64;
    private FlagsPlace _flags;

    /// <summary>
    /// True unless the code at a place of the page is sure to overwrite all flags before anything can see them but a fault or an interrupt,
    /// whose frames may then hold flags of before. What was looked at for the answer is part of the block: a write to it drops both.
    /// </summary>
    private bool WantsFlags(long target)
    {
        const int LookAhead = 12;
        if (_exact || _isCrossing || target is < 0 or >= PageSize) return true;
        Decoder decoder = _is64 ? _decoder64 : _decoder32;
        _reader.Start(_page + target, PageSize - (int)target);
        decoder.IP = (ulong)(target - _start);
        RflagsBits open = ArithmeticFlags;
        for (int i = 0; i < LookAhead; i++)
        {
            decoder.Decode(out Instruction instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes || !CanTranslate(in instruction)) return true;
            ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
            if ((instruction.RflagsRead & ArithmeticFlags) != 0 || Leaves(shape.Kind) || WritesToItsPage(in instruction)) return true;
            if (!shape.MayKeepFlags) open &= ~instruction.RflagsModified;
            if (open != 0) continue;
            _lookedAt.Add(((int)target, (int)((long)decoder.IP + _start - target)));
            return false;
        }

        return true;
    }

    /// <summary>Backwards over the block: the flags that an instruction or one behind it reads, or that leave the block.</summary>
    private void FindWantedFlags()
    {
        int end = _start + (_count == 0 ? 0 : (int)_instructions[_count - 1].IP + _instructions[_count - 1].Length);
        RflagsBits wanted = _interpretedEnd || WantsFlags(end) ? ArithmeticFlags : 0;
        for (int i = _count - 1; i >= 0; i--)
        {
            ref readonly Instruction instruction = ref _instructions[i];
            ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
            if (WritesToItsPage(in instruction)) wanted = ArithmeticFlags;
            _wantedBehind[i] = wanted;
            if (shape.Kind == InstructionKind.ConditionalJump) wanted |= WantsFlags(TargetOffset(in instruction)) ? ArithmeticFlags : 0;
            else if (shape.Kind == InstructionKind.Jump) wanted = WantsFlags(TargetOffset(in instruction)) ? ArithmeticFlags : 0;
            else if (Leaves(shape.Kind)) wanted = ArithmeticFlags;
            else if (!shape.MayKeepFlags) wanted &= ~instruction.RflagsModified;
            wanted |= instruction.RflagsRead & ArithmeticFlags;
            _wanted[i] = wanted;
        }
    }

    /// <summary>The block can be left here for somewhere else than the next instruction, without a fault.</summary>
    private static bool Leaves(InstructionKind kind) =>
        kind is InstructionKind.Divide or InstructionKind.SignedDivide or InstructionKind.PushFlags or InstructionKind.SetInterrupts or
            InstructionKind.MoveString or InstructionKind.StoreString or >= InstructionKind.ConditionalJump and <= InstructionKind.Return;

    /// <summary>
    /// Its operand says that it writes to the page that it lies in, and so to code, perhaps to what would overwrite flags behind it. Such a write is
    /// the interpreter's anyway.
    /// </summary>
    private bool WritesToItsPage(in Instruction instruction) =>
        instruction.MemoryBase == Register.RIP && InstructionShapes.Of(instruction.Code).WritesRm &&
        AddressOf(in instruction).Displacement is > -MaxOperand and < PageSize;

    /// <summary>Saves the flags, if they are not in memory. Changes no flag and only <see cref="RegisterMap.First"/>.</summary>
    private void SaveFlags()
    {
        if (_flags != FlagsPlace.Host) return;
        _emitter.Mov(RegisterMap.First, HostRegister.Rax);
        _emitter.Lahf();
        _emitter.Set(Condition.Overflow, HostRegister.Rax);
        _emitter.Mov(State(_at.PackedFlags), HostRegister.Rax, OperandSize.Word);
        _emitter.Mov(HostRegister.Rax, RegisterMap.First);
        _flags = FlagsPlace.Both;
    }

    /// <summary>Brings the flags back, if they are only in memory. Changes only <see cref="RegisterMap.First"/>.</summary>
    private void RestoreFlags()
    {
        if (_flags != FlagsPlace.Memory) return;
        _emitter.Mov(RegisterMap.First, HostRegister.Rax);
        _emitter.Movzx(HostRegister.Rax, State(_at.PackedFlags), OperandSize.Word);
        _emitter.Add(HostRegister.Rax, 0x7F, OperandSize.Byte); // overflows when AL is 1
        _emitter.Sahf();
        _emitter.Mov(HostRegister.Rax, RegisterMap.First);
        _flags = FlagsPlace.Both;
    }

    /// <summary>Before emitted code that destroys the host's flags.</summary>
    /// <param name="wanted">The flags that somebody wants afterwards.</param>
    private void LoseFlags(RflagsBits wanted)
    {
        if (wanted != 0) SaveFlags();
        _flags = FlagsPlace.Memory;
    }

    /// <summary>Before an instruction is copied: brings back the flags that it reads or leaves as they are.</summary>
    private void PrepareFlags(int i)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        RflagsBits modified = instruction.RflagsModified & ArithmeticFlags;
        RflagsBits read = instruction.RflagsRead & ArithmeticFlags;
        if (modified == 0 && read == 0) return;
        RflagsBits kept = InstructionShapes.Of(instruction.Code).MayKeepFlags ? _wantedBehind[i] : _wantedBehind[i] & ~modified;
        if ((read | (modified == 0 ? 0 : kept)) != 0) RestoreFlags();
    }

    /// <summary>After an instruction was copied.</summary>
    private void NoteFlags(int i)
    {
        if ((_instructions[i].RflagsModified & ArithmeticFlags) != 0) _flags = FlagsPlace.Host;
    }
}
