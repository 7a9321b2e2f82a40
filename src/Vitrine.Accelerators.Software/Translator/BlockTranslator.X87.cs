using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
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
        _emitter.Cmp(State(_at.VectorsLoaded), 0, OperandSize.Dword);
        ref Pending pending = ref DeferIf(Condition.Equal, PendingKind.Vectors, offset);
        pending.Resume = new CodeLabel(_emitter.Position);
        _vectorsReady = true;
    }

    /// <summary>Before the first x87 instruction of a block: the registers must be the guest's.</summary>
    private void PrepareX87(int i, int offset)
    {
        if (_x87Ready) return;
        _second = SecondHolds.Nothing;
        LoseFlags(_wanted[i]);
        _emitter.Cmp(State(_at.X87Loaded), 0, OperandSize.Dword);
        ref Pending pending = ref DeferIf(Condition.Equal, PendingKind.X87, offset);
        pending.Resume = new CodeLabel(_emitter.Position);
        _emitter.Mov(RegisterMap.First, State(_at.PageRip));
        _emitter.Mov(State(_at.X87Page), RegisterMap.First);
        _x87Ready = true;
    }

    /// <summary>Notes the addresses of the instruction and its operand, the operand's segment and the opcode, which the host's own registers can't have.</summary>
    private void NoteX87(int i, int offset, bool memory)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        byte* opcode = _page + offset;
        while ((*opcode & 0xF8) != 0xD8) opcode++;
        _emitter.Mov(State(_at.X87Place), offset | ((((opcode[0] & 7) << 8) | opcode[1]) << 12), OperandSize.Dword);
        if (!memory) return;
        _emitter.Mov(State(_at.X87Segment), Operands.SegmentNumber(instruction.MemorySegment) + 1, OperandSize.Dword);
        Address address = AddressOf(in instruction);
        if (address.IsDirect) _emitter.Lea(RegisterMap.First, address.Operand(0));
        else EmitOperandOffset(in address);
        _emitter.Mov(State(_at.Fdp), RegisterMap.First);
    }

    // The offset in the segment again, without the register that holds the host address.
    private void EmitOperandOffset(in Address address)
    {
        _emitter.Mov(RegisterMap.First, State(_at.Scratch));
        if (address.Segment >= 0) _emitter.Sub(RegisterMap.First, State(_at.SegmentBase(address.Segment)));
    }

    /// <summary>
    /// An x87 control word with an exception unmasked is for the interpreter. Another is loaded from where nobody can change it behind the check.
    /// </summary>
    private void EmitLoadControlWord(in HostOperand operand, int offset)
    {
        _emitter.Movzx(RegisterMap.First, operand, OperandSize.Word);
        _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
        _emitter.And(RegisterMap.First, ControlWordMasks, OperandSize.Dword);
        _emitter.Cmp(RegisterMap.First, ControlWordMasks, OperandSize.Dword);
        DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        _emitter.Fldcw(State(_at.Scratch2));
    }

    /// <summary>The same for MXCSR: an unmasked exception, or a reserved bit.</summary>
    private void EmitLoadMxcsr(in HostOperand operand, int offset)
    {
        const int Masks = 0x1F80;
        const int MasksAndReserved = unchecked((int)0xFFFF_0000) | Masks;
        _emitter.Mov(RegisterMap.First, operand, OperandSize.Dword);
        _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
        _emitter.And(RegisterMap.First, MasksAndReserved, OperandSize.Dword);
        _emitter.Cmp(RegisterMap.First, Masks, OperandSize.Dword);
        DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        _emitter.Ldmxcsr(State(_at.Scratch2));
    }
}
