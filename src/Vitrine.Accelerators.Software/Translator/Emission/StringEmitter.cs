using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Integer;
using Vitrine.X86.Registers;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>
/// MOVS and STOS of 64-bit code, alone and repeated: the host's, with its registers moved to host addresses for as long as it takes.
/// </summary>
internal sealed unsafe class StringEmitter(
    BlockContext block, FlagTracker flags, BlockExits exits, MemoryAccess memory, SecondRegister second)
{
    // SAFETY: takes the emitter's position for a label; nothing is read.
    private const int DirectionFlagByte = (int)(Rflags.DF >> 8);

    /// <summary>Emits one.</summary>
    /// <param name="i">The instruction.</param>
    /// <param name="offset">Its offset in the page.</param>
    /// <param name="moves">MOVS, not STOS.</param>
    public void Emit(int i, int offset, bool moves)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        int size = instruction.MemorySize.GetSize();
        flags.Lose(i);
        second.Forget();
        block.Asm.Test(State(CpuOffsets.SystemFlags + 1), DirectionFlagByte);
        exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
        if (instruction.HasRepPrefix)
        {
            EmitRepeated(offset, moves, size);
            return;
        }

        if (moves)
        {
            block.Asm.Lea(RegisterMap.First, new HostOperand(HostRegister.Rsi, size - 1));
            memory.LookUpString(HostRegister.Rsi, write: false, ref exits.LabelOf(PendingKind.Interpret, offset));
            block.Asm.Mov(State(CpuOffsets.Scratch), RegisterMap.Second);
        }

        block.Asm.Lea(RegisterMap.First, new HostOperand(HostRegister.Rdi, size - 1));
        memory.LookUpString(HostRegister.Rdi, write: true, ref exits.LabelOf(PendingKind.Interpret, offset));
        EmitHostString(moves, size, repeats: false);
    }

    /// <summary>
    /// Most strings lie in one page each. Short ones that don't are done piece by piece, where no piece reaches into a next page; what a
    /// piece leaves are the registers of an instruction that was interrupted, so the interpreter can go on from there if the TLB doesn't
    /// know a page or an element lies in two. Strings of more than a page are the interpreter's: it takes no longer for them.
    /// </summary>
    private void EmitRepeated(int offset, bool moves, int size)
    {
        ref CodeEmitter asm = ref block.Asm;
        CodeLabel nothing = default;
        CodeLabel pieces = default;
        CodeLabel done = default;
        int scale = BitOperations.Log2((uint)size);
        asm.Test(HostRegister.Rcx, HostRegister.Rcx);
        asm.Jcc(Condition.Equal, ref nothing);
        asm.Cmp(HostRegister.Rcx, block.IsExact ? Strings.LongestCompared : BlockContext.PageSize / size);
        exits.BranchIf(Condition.Above, PendingKind.Interpret, offset);
        if (moves)
        {
            asm.Lea(RegisterMap.First, new HostOperand(HostRegister.Rsi, HostRegister.Rcx, scale, -1));
            memory.LookUpString(HostRegister.Rsi, write: false, ref pieces);
            asm.Mov(State(CpuOffsets.Scratch), RegisterMap.Second);
        }

        asm.Lea(RegisterMap.First, new HostOperand(HostRegister.Rdi, HostRegister.Rcx, scale, -1));
        memory.LookUpString(HostRegister.Rdi, write: true, ref pieces);
        EmitHostString(moves, size, repeats: true);
        asm.Jmp(ref done);

        asm.Bind(ref pieces);
        if (block.IsExact) asm.Jmp(ref exits.LabelOf(PendingKind.Interpret, offset));
        else EmitPieces(offset, moves, size);
        asm.Bind(ref done);
        asm.Bind(ref nothing);
    }

    private void EmitPieces(int offset, bool moves, int size)
    {
        ref CodeEmitter asm = ref block.Asm;
        CodeLabel next = new(asm.Position);
        EmitRoom(RegisterMap.First, HostRegister.Rdi);
        if (moves)
        {
            EmitRoom(RegisterMap.Second, HostRegister.Rsi);
            asm.Cmp(RegisterMap.First, RegisterMap.Second);
            asm.Cmov(Condition.Above, RegisterMap.First, RegisterMap.Second);
        }

        if (size > 1) asm.Shr(RegisterMap.First, BitOperations.Log2((uint)size));
        asm.Cmp(RegisterMap.First, HostRegister.Rcx);
        asm.Cmov(Condition.Above, RegisterMap.First, HostRegister.Rcx);
        asm.Test(RegisterMap.First, RegisterMap.First);
        exits.BranchIf(Condition.Equal, PendingKind.Interpret, offset);
        asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        if (moves)
        {
            asm.Mov(RegisterMap.First, HostRegister.Rsi);
            memory.LookUpString(HostRegister.Rsi, write: false, ref exits.LabelOf(PendingKind.Interpret, offset));
            asm.Mov(State(CpuOffsets.Scratch), RegisterMap.Second);
        }

        asm.Mov(RegisterMap.First, HostRegister.Rdi);
        memory.LookUpString(HostRegister.Rdi, write: true, ref exits.LabelOf(PendingKind.Interpret, offset));
        asm.Mov(RegisterMap.First, State(CpuOffsets.Scratch2));
        asm.Sub(HostRegister.Rcx, RegisterMap.First);
        asm.Xchg(HostRegister.Rcx, RegisterMap.First);
        asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        EmitHostString(moves, size, repeats: true);
        asm.Mov(HostRegister.Rcx, State(CpuOffsets.Scratch2));
        asm.Test(HostRegister.Rcx, HostRegister.Rcx);
        asm.Jcc(Condition.NotEqual, ref next);
    }

    /// <summary>The bytes from an address to the end of its page.</summary>
    private void EmitRoom(HostRegister register, HostRegister pointer)
    {
        block.Asm.Mov(register, pointer);
        block.Asm.Or(register, -BlockContext.PageSize);
        block.Asm.Neg(register);
    }

    /// <summary>
    /// The instruction, with the addend of the destination in <see cref="RegisterMap.Second"/> and that of the source in the first scratch
    /// field.
    /// </summary>
    private void EmitHostString(bool moves, int size, bool repeats)
    {
        ref CodeEmitter asm = ref block.Asm;
        OperandSize element = (OperandSize)BitOperations.Log2((uint)size);
        if (moves)
        {
            asm.Mov(RegisterMap.First, State(CpuOffsets.Scratch));
            asm.Lea(HostRegister.Rsi, new HostOperand(HostRegister.Rsi, RegisterMap.First, 0, 0));
        }

        asm.Lea(HostRegister.Rdi, new HostOperand(HostRegister.Rdi, RegisterMap.Second, 0, 0));
        if (moves) asm.Movs(element, repeats);
        else asm.Stos(element, repeats);
        if (moves) asm.Sub(HostRegister.Rsi, RegisterMap.First);
        asm.Sub(HostRegister.Rdi, RegisterMap.Second);
    }
}
