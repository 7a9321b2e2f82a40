using Iced.Intel;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>What an instruction that the translator writes does to the general registers.</summary>
internal static class RegisterEffects
{
    /// <summary>The translator writes such instructions, if the mode and the operands don't forbid it.</summary>
    public static bool AreKnown(in Instruction instruction) => InstructionShapes.Of(instruction.Code).Kind > InstructionKind.Interpreted;

    /// <summary>
    /// The general registers that an instruction writes, one bit each; of RSP only where it isn't moved by a known distance.
    /// </summary>
    /// <param name="instruction">An instruction that the translator writes.</param>
    /// <param name="is64">64-bit code.</param>
    /// <param name="moved">By how much it moves RSP.</param>
    public static int Written(in Instruction instruction, bool is64, out int moved)
    {
        const int Stack = 1 << Gpr.Rsp;
        int size = is64 ? 8 : 4;
        moved = 0;
        switch (InstructionShapes.Of(instruction.Code).Kind)
        {
            case InstructionKind.Push or InstructionKind.PushFlags or InstructionKind.Call or InstructionKind.IndirectCall:
                moved = -size;
                return 0;
            case InstructionKind.Pop:
                int popped = Bit(instruction.Op0Register);
                if (popped != Stack) moved = size;
                return popped;
            case InstructionKind.MoveString:
                return (1 << Gpr.Rsi) | (1 << Gpr.Rdi) | RepeatCount(in instruction);
            case InstructionKind.StoreString:
                return (1 << Gpr.Rdi) | RepeatCount(in instruction);
            case InstructionKind.Leave or InstructionKind.Return:
                return Stack | (1 << Gpr.Rbp);
            case InstructionKind.Lea when IsStack(instruction.Op0Register, is64) && instruction.MemoryBase == instruction.Op0Register &&
                    instruction.MemoryIndex == Register.None:
                moved = (int)instruction.MemoryDisplacement64;
                return 0;
            case InstructionKind.Copied when instruction.Mnemonic is Mnemonic.Add or Mnemonic.Sub &&
                    instruction.Op0Kind == OpKind.Register && IsStack(instruction.Op0Register, is64) &&
                    instruction.Op1Kind is >= OpKind.Immediate8 and <= OpKind.Immediate32to64:
                int distance = (int)instruction.GetImmediate(1);
                moved = instruction.Mnemonic == Mnemonic.Add ? distance : -distance;
                return 0;
        }

        // Also where the first operand is only read: that is no harm.
        int written = Implied(instruction.Mnemonic);
        int operands = instruction.Mnemonic is Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Bt ? 0 : Math.Min(instruction.OpCount, 2);
        for (int operand = 0; operand < operands; operand++)
        {
            if (operand == 1 && instruction.Mnemonic is not (Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Mulx)) break;
            if (instruction.GetOpKind(operand) != OpKind.Register) continue;
            int number = GeneralRegister.NumberOf(instruction.GetOpRegister(operand));
            if (number >= 0) written |= 1 << number;
        }

        return written;
    }

    // All three where it is one of them.
    private static int Implied(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Mul or Mnemonic.Imul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Cmpxchg or Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b or
            Mnemonic.Cbw or Mnemonic.Cwde or Mnemonic.Cdqe or Mnemonic.Cwd or Mnemonic.Cdq or Mnemonic.Cqo or Mnemonic.Lahf or
            Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpistri or
            Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestri64 or Mnemonic.Vpcmpistri => (1 << Gpr.Rax) | (1 << Gpr.Rcx) | (1 << Gpr.Rdx),
        _ => 0,
    };

    private static bool IsStack(Register register, bool is64) => register == (is64 ? Register.RSP : Register.ESP);

    private static int RepeatCount(in Instruction instruction) =>
        instruction.HasRepPrefix || instruction.HasRepnePrefix ? 1 << Gpr.Rcx : 0;

    private static int Bit(Register register) => 1 << GeneralRegister.NumberOf(register);
}
