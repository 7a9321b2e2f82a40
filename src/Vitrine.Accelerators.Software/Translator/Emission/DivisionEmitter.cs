using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Analysis;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>DIV and IDIV, which must not fault in the host.</summary>
internal sealed class DivisionEmitter(
    BlockContext block, FlagTracker flags, BlockExits exits, MemoryAccess memory, HeldRegisters held, SecondRegister second)
{
    /// <summary>
    /// Divides only what is sure to give a quotient that fits: anything else the interpreter does, which raises the fault. Signed division
    /// goes natively when the dividend is one register's sign extension, as compilers have it, and the divisor neither 0 nor -1.
    /// </summary>
    /// <param name="i">The instruction.</param>
    /// <param name="offset">Its offset in the page.</param>
    /// <param name="signed">IDIV.</param>
    public void Emit(int i, int offset, bool signed)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        ref CodeEmitter asm = ref block.Asm;
        OperandSize size = Load(i, offset, in instruction);
        if (signed)
        {
            second.Forget();
            asm.Mov(RegisterMap.Second, HostRegister.Rax, size);
            asm.Sar(RegisterMap.Second, size == OperandSize.Qword ? 63 : 31, size);
            asm.Cmp(RegisterMap.Second, HostRegister.Rdx, size);
            exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
            asm.Lea(RegisterMap.Second, new HostOperand(RegisterMap.First, 1), size);
            asm.Cmp(RegisterMap.Second, 1, size);
            exits.BranchIf(Condition.BelowOrEqual, PendingKind.Interpret, offset);
            asm.Idiv(RegisterMap.First, size);
        }
        else
        {
            asm.Cmp(HostRegister.Rdx, RegisterMap.First, size);
            exits.BranchIf(Condition.AboveOrEqual, PendingKind.Interpret, offset);
            asm.Div(RegisterMap.First, size);
        }

        flags.Place = FlagsPlace.Host;
    }

    /// <summary>The divisor in <see cref="RegisterMap.First"/>.</summary>
    private OperandSize Load(int i, int offset, in Instruction instruction)
    {
        if (instruction.Op0Kind != OpKind.Memory)
        {
            OperandSize size = instruction.Op0Register.IsGPR64() ? OperandSize.Qword : OperandSize.Dword;
            flags.Save();
            held.Load(RegisterMap.First, GeneralRegister.NumberOf(instruction.Op0Register), size);
            return size;
        }

        int bytes = instruction.MemorySize.GetSize() == sizeof(ulong) ? sizeof(ulong) : sizeof(uint);
        OperandSize inMemory = bytes == sizeof(ulong) ? OperandSize.Qword : OperandSize.Dword;
        OperandAddress address = block.AddressOf(in instruction);
        HostOperand operand = memory.Access(i, in address, bytes, write: false, aligned: false, offset);
        block.Asm.Mov(RegisterMap.First, operand, inMemory);
        return inMemory;
    }
}
