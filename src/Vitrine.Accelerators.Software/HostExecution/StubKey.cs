using Iced.Intel;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// What makes a stub: an instruction without the address of its memory operand. It is the whole of the stub, which can be made again from it.
/// <code>
///  63  58 57      55 54  47 46    39 38    31 30    23 22    15 14  13 12   0
///   used   memory+1   imm8   op 3     op 2     op 1     op 0      -      code
/// </code>
/// Operands that are registers hold Iced's number; an operand in memory and an immediate hold 0.
/// </summary>
/// <param name="Value">The bits.</param>
internal readonly record struct StubKey(ulong Value)
{
    private const int CodeBits = 13;
    private const int FirstOperand = 15;
    private const int OperandBits = 8;
    private const int MaxOperands = 4;
    private const int ImmediateAt = 47;
    private const int MemoryAt = 55;
    private const ulong Used = 1UL << 63;

    /// <summary>The instruction's code.</summary>
    public Code Code => (Code)(Value & ((1UL << CodeBits) - 1));

    /// <summary>The key of an instruction.</summary>
    /// <returns>False when it has operands of another kind than registers, one in memory, and a byte.</returns>
    public static bool TryCreate(in Instruction instruction, out StubKey key)
    {
        ulong value = Used | (ulong)instruction.Code;
        key = default;
        if (instruction.OpCount > MaxOperands) return false;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            switch (instruction.GetOpKind(i))
            {
                case OpKind.Register:
                    value |= (ulong)instruction.GetOpRegister(i) << (FirstOperand + (OperandBits * i));
                    break;
                case OpKind.Memory:
                    value |= (ulong)(i + 1) << MemoryAt;
                    break;
                case OpKind.Immediate8:
                    value |= (ulong)instruction.Immediate8 << ImmediateAt;
                    break;
                default:
                    return false;
            }
        }

        key = new StubKey(value);
        return true;
    }

    /// <summary>The instruction, with an operand in memory at an address without registers.</summary>
    public Instruction ToInstruction()
    {
        Instruction instruction = default;
        instruction.Code = Code;
        int memory = (int)(Value >> MemoryAt & 7) - 1;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            Register register = (Register)(Value >> (FirstOperand + (OperandBits * i)) & 0xFF);
            if (i == memory)
            {
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryDisplSize = sizeof(uint);
            }
            else if (register != Register.None)
            {
                instruction.SetOpKind(i, OpKind.Register);
                instruction.SetOpRegister(i, register);
            }
            else
            {
                instruction.SetOpKind(i, OpKind.Immediate8);
                instruction.Immediate8 = (byte)(Value >> ImmediateAt);
            }
        }

        return instruction;
    }
}
