using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>
/// x87, MMX and vector instructions are executed by the host's own units, which have the guest's registers from their first use until the
/// dispatcher wants them: what is emitted beside these instructions.
/// </summary>
internal sealed unsafe class FloatStateLoader(
    BlockContext block, FlagTracker flags, BlockExits exits, SecondRegister second)
{
    // SAFETY: reads the opcode of an instruction of the block.
    private bool _hasX87;
    private bool _hasVectors;

    /// <summary>Begins a block.</summary>
    public void Begin()
    {
        _hasX87 = false;
        _hasVectors = false;
    }

    /// <summary>Before the first vector instruction of a block: the registers must be the guest's.</summary>
    public void PrepareVectors(int i, int offset)
    {
        if (_hasVectors) return;
        flags.Lose(i);
        BranchUnlessLoaded(CpuOffsets.VectorsLoaded, PendingKind.Vectors, offset);
        _hasVectors = true;
    }

    /// <summary>Before the first x87 instruction of a block: the registers must be the guest's.</summary>
    public void PrepareX87(int i, int offset)
    {
        if (_hasX87) return;
        second.Forget();
        flags.Lose(i);
        BranchUnlessLoaded(CpuOffsets.X87Loaded, PendingKind.X87, offset);
        block.Asm.Mov(RegisterMap.First, State(CpuOffsets.PageRip));
        block.Asm.Mov(State(CpuOffsets.X87Page), RegisterMap.First);
        _hasX87 = true;
    }

    /// <summary>
    /// Notes the addresses of the instruction and its operand, the operand's segment and the opcode, which the host's own registers can't
    /// have.
    /// </summary>
    /// <param name="i">The instruction.</param>
    /// <param name="offset">Its offset in the page.</param>
    /// <param name="memory">It has an operand in memory, whose check has left the linear address in the state.</param>
    public void NoteX87(int i, int offset, bool memory)
    {
        const int FirstOpcode = 0xD8;
        const int OpcodeMask = 0xF8;
        ref readonly Instruction instruction = ref block.Instructions[i];
        byte* opcode = block.Source + offset;
        while ((*opcode & OpcodeMask) != FirstOpcode) opcode++;
        int number = ((opcode[0] & 7) << 8) | opcode[1];
        block.Asm.Mov(State(CpuOffsets.X87Place), offset | (number << 12), OperandSize.Dword);
        if (!memory) return;
        block.Asm.Mov(State(CpuOffsets.X87Segment), Operands.SegmentNumber(instruction.MemorySegment) + 1, OperandSize.Dword);
        OperandAddress address = block.AddressOf(in instruction);
        if (address.IsDirect)
        {
            block.Asm.Lea(RegisterMap.First, address.ToHost());
        }
        else
        {
            // The offset in the segment again, without the register that holds the host address.
            block.Asm.Mov(RegisterMap.First, State(CpuOffsets.Scratch));
            if (address.Segment >= 0) block.Asm.Sub(RegisterMap.First, SegmentBase(address.Segment));
        }

        block.Asm.Mov(State(CpuOffsets.Fdp), RegisterMap.First);
    }

    /// <summary>
    /// FLDCW: a control word with an exception unmasked is for the interpreter. Another is loaded from where nobody can change it after the
    /// check.
    /// </summary>
    public void LoadControlWord(in HostOperand operand, int offset)
    {
        const int Masks = 0x3F;
        block.Asm.Movzx(RegisterMap.First, operand, OperandSize.Word);
        block.Asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        InterpretUnless(Masks, Masks, offset);
        block.Asm.Fldcw(State(CpuOffsets.Scratch2));
    }

    /// <summary>LDMXCSR: the same for an unmasked exception, or a reserved bit.</summary>
    public void LoadMxcsr(in HostOperand operand, int offset)
    {
        const int Masks = 0x1F80;
        const int Reserved = unchecked((int)0xFFFF_0000);
        block.Asm.Mov(RegisterMap.First, operand, OperandSize.Dword);
        block.Asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        InterpretUnless(Masks | Reserved, Masks, offset);
        block.Asm.Ldmxcsr(State(CpuOffsets.Scratch2));
    }

    private void BranchUnlessLoaded(int loaded, PendingKind kind, int offset)
    {
        block.Asm.Cmp(State(loaded), 0, OperandSize.Dword);
        ref PendingExit exit = ref exits.BranchIf(Condition.Equal, kind, offset);
        exit.Resume = new CodeLabel(block.Asm.Position);
    }

    private void InterpretUnless(int mask, int expected, int offset)
    {
        block.Asm.And(RegisterMap.First, mask, OperandSize.Dword);
        block.Asm.Cmp(RegisterMap.First, expected, OperandSize.Dword);
        exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
    }
}
