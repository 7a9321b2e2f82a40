using Iced.Intel;

namespace Vitrine.Tests.Software.Sse;

/// <summary>Concrete instructions of a code: registers that meet and that differ, high and low; memory at [rdi + 16n].</summary>
internal static class InstructionVariants
{
    private static readonly (int Destination, int Source)[] _registers = [(1, 2), (9, 10), (3, 3), (0, 1)];

    /// <summary>Every register choice, and memory where the code allows it.</summary>
    public static IEnumerable<Instruction> Of(Code code, byte immediate)
    {
        foreach (bool memory in (bool[])[false, true])
        {
            foreach ((int destination, int source) in _registers)
            {
                if (TryCreate(code, memory, destination, source, immediate, out Instruction instruction)) yield return instruction;
            }
        }
    }

    /// <summary>The instruction's bytes in 64-bit code.</summary>
    public static byte[] Encode(in Instruction instruction)
    {
        using MemoryStream stream = new();
        Encoder.Create(64, new StreamCodeWriter(stream)).Encode(instruction, 0);
        return stream.ToArray();
    }

    private static bool TryCreate(Code code, bool memory, int destination, int source, byte immediate, out Instruction instruction)
    {
        OpCodeInfo info = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        bool usesMemory = false;
        for (int i = 0; i < info.OpCount; i++)
        {
            int number = i == 0 ? destination : source;
            OpCodeOperandKind kind = info.GetOpKind(i);
            bool onlyMemory = kind is OpCodeOperandKind.mem;
            if (onlyMemory || (memory && kind.ToString().EndsWith("_or_mem", StringComparison.Ordinal)))
            {
                usesMemory = true;
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = Register.RDI;
                instruction.MemoryDisplacement64 = (ulong)(destination * 16);
                instruction.MemoryDisplSize = 1;
                continue;
            }

            Register register = kind switch
            {
                OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_or_mem => Register.XMM0 + number,
                OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem => Register.MM0 + (number & 7),
                OpCodeOperandKind.r8_or_mem => Register.AL + (number & 7),
                OpCodeOperandKind.r16_or_mem => Register.AX + number,
                OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_or_mem => Register.EAX + number,
                OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_or_mem => Register.RAX + number,
                _ => Register.None,
            };
            if (kind == OpCodeOperandKind.imm8)
            {
                instruction.SetOpKind(i, OpKind.Immediate8);
                instruction.Immediate8 = immediate;
            }
            else if (register != Register.None)
            {
                instruction.SetOpKind(i, OpKind.Register);
                instruction.SetOpRegister(i, register);
            }
            else
            {
                return false;
            }
        }

        return usesMemory == memory;
    }
}
