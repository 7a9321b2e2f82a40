using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>x87 and MMX: executed by the host's own unit, which has the guest's registers from their first use until the dispatcher wants them.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int ControlWordMasks = 0x3F;
    private bool _x87Ready;
    private bool _vectorsReady;

    /// <summary>Before the first vector instruction of a block: the registers must be the guest's.</summary>
    private void PrepareVectors(int i, int offset)
    {
        if (_vectorsReady) return;
        LoseFlags(_wanted[i]);
        _emitter.Memory(0x83, false, CompareExtension, State(_at.VectorsLoaded));
        _emitter.Byte(0);
        ref Pending pending = ref Defer(PendingKind.Vectors, _emitter.JumpIf(Condition.Equal), offset);
        pending.Resume = _emitter.Position;
        _vectorsReady = true;
    }

    /// <summary>Before the first x87 instruction of a block: the registers must be the guest's.</summary>
    private void PrepareX87(int i, int offset)
    {
        if (_x87Ready) return;
        _second = SecondHolds.Nothing;
        LoseFlags(_wanted[i]);
        _emitter.Memory(0x83, false, CompareExtension, State(_at.X87Loaded));
        _emitter.Byte(0);
        ref Pending pending = ref Defer(PendingKind.X87, _emitter.JumpIf(Condition.Equal), offset);
        pending.Resume = _emitter.Position;
        _emitter.Load(HostRegister.First, State(_at.PageRip));
        _emitter.Store(State(_at.X87Page), HostRegister.First);
        _x87Ready = true;
    }

    /// <summary>Notes the addresses of the instruction and its operand, the operand's segment and the opcode, which the host's own registers can't have.</summary>
    private void NoteX87(int i, int offset, bool memory)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        byte* opcode = _page + offset;
        while ((*opcode & 0xF8) != 0xD8) opcode++;
        _emitter.Memory(0xC7, false, 0, State(_at.X87Place));
        _emitter.Dword(offset | ((((opcode[0] & 7) << 8) | opcode[1]) << 12));
        if (!memory) return;
        _emitter.Memory(0xC7, false, 0, State(_at.X87Segment));
        _emitter.Dword(Operands.SegmentNumber(instruction.MemorySegment) + 1);
        Address address = AddressOf(in instruction);
        if (address.IsDirect) _emitter.Lea(HostRegister.First, address.Operand(0));
        else EmitOperandOffset(in address);
        _emitter.Store(State(_at.Fdp), HostRegister.First);
    }

    // The offset in the segment again, without the register that holds the host address.
    private void EmitOperandOffset(in Address address)
    {
        _emitter.Load(HostRegister.First, State(_at.Scratch));
        if (address.Segment >= 0) _emitter.Memory(0x2B, true, HostRegister.First, State(_at.SegmentBase(address.Segment)));
    }

    /// <summary>
    /// An x87 control word with an exception unmasked is for the interpreter. Another is loaded from where nobody can change it behind the check.
    /// </summary>
    private void EmitLoadControlWord(in HostOperand operand, int offset)
    {
        _emitter.Memory0F(0xB7, false, HostRegister.First, operand);
        _emitter.Store(State(_at.Scratch2), HostRegister.First);
        _emitter.Immediate(AndExtension, false, HostRegister.First, ControlWordMasks);
        _emitter.Immediate(CompareExtension, false, HostRegister.First, ControlWordMasks);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        _emitter.Memory(0xD9, false, 5, State(_at.Scratch2));
    }

    /// <summary>The same for MXCSR: an unmasked exception, or a reserved bit.</summary>
    private void EmitLoadMxcsr(in HostOperand operand, int offset)
    {
        const int Masks = 0x1F80;
        const int MasksAndReserved = unchecked((int)0xFFFF_0000) | Masks;
        _emitter.Load(HostRegister.First, operand, wide: false);
        _emitter.Store(State(_at.Scratch2), HostRegister.First);
        _emitter.Immediate(AndExtension, false, HostRegister.First, MasksAndReserved);
        _emitter.Immediate(CompareExtension, false, HostRegister.First, Masks);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        _emitter.Memory0F(0xAE, false, 2, State(_at.Scratch2));
    }
}
