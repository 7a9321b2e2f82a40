using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>
/// What a binder leaves for a handler. <see cref="Op.Extra"/>: the register of ST(i) in bits 2:0, variants above.
/// <see cref="Op.Imm"/>: the opcode as FOP holds it.
/// </summary>
internal static unsafe class X87Form
{
    // SAFETY: writes to the operation it is given.

    /// <summary>Variant: pop once afterwards.</summary>
    public const ushort Pop = 0x08;

    /// <summary>Variant: pop twice afterwards.</summary>
    public const ushort PopTwice = 0x10;

    /// <summary>Variant of a comparison: a quiet NaN is not invalid (FUCOM).</summary>
    public const ushort QuietIsValid = 0x20;

    /// <summary>Variant of a comparison: the outcome goes to EFLAGS (FCOMI).</summary>
    public const ushort ToEflags = 0x40;

    /// <summary>The i of ST(i).</summary>
    public static int Register(Op* op) => op->Extra & 7;

    /// <summary>Binds a waiting or arithmetic instruction: #NM under CR0.EM and CR0.TS.</summary>
    public static void Bind(in Instruction instruction, in BindContext context, Op* op, Handler handler, ushort variant = 0)
    {
        int register = 0;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register) continue;
            Register named = instruction.GetOpRegister(i);
            // Of ST(0), ST(i) the one that varies is not ST(0), or they are the same.
            if (named is > Iced.Intel.Register.ST0 and <= Iced.Intel.Register.ST7) register = named - Iced.Intel.Register.ST0;
        }

        op->Extra = (ushort)(register | variant);
        op->Imm = Opcode(instruction);
        op->Handler = (context.Mode & ExecutionMode.FpuTrap) != 0 ? &FpuGuard.X87NotAvailable : handler;
    }

    /// <summary>The low three bits of the first opcode byte and the ModRM byte (SDM vol. 1, 8.1.9).</summary>
    private static ushort Opcode(in Instruction instruction)
    {
        OpcodeFacts facts = OpcodeFacts.Of(instruction.Code);
        uint opcode = facts.X87Opcode;
        if (opcode > 0xFF)
        {
            // Register forms: it holds the ModRM byte of ST(0).
            int register = 0;
            for (int i = 0; i < instruction.OpCount; i++)
            {
                if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i) is >= Iced.Intel.Register.ST0 and <= Iced.Intel.Register.ST7)
                    register |= instruction.GetOpRegister(i) - Iced.Intel.Register.ST0;
            }

            return (ushort)((opcode & 0x7FF) | (uint)register);
        }

        return (ushort)(((opcode & 7) << 8) | (facts.X87GroupIndex << 3) | MemoryModRm(instruction));
    }

    /// <summary>mod and rm of a memory operand, as the shortest encoding has them.</summary>
    private static uint MemoryModRm(in Instruction instruction)
    {
        Register @base = instruction.MemoryBase;
        Register index = instruction.MemoryIndex;
        uint mod = instruction.MemoryDisplSize switch { 0 => 0, 1 => 1, _ => 2u };
        if (@base is Iced.Intel.Register.RIP or Iced.Intel.Register.EIP) return 5;
        if ((@base != Iced.Intel.Register.None ? @base : index).IsGPR16()) return (mod << 6) | Rm16(@base, index);
        if (@base == Iced.Intel.Register.None) return index == Iced.Intel.Register.None ? instruction.MemoryDisplSize == 2 ? 6u : 5 : 4;
        uint number = (uint)@base.GetNumber() & 7;
        return (mod << 6) | (index != Iced.Intel.Register.None || number == 4 ? 4 : number);
    }

    private static uint Rm16(Register @base, Register index) => (@base, index) switch
    {
        (Iced.Intel.Register.BX, Iced.Intel.Register.SI) => 0,
        (Iced.Intel.Register.BX, Iced.Intel.Register.DI) => 1,
        (Iced.Intel.Register.BP, Iced.Intel.Register.SI) => 2,
        (Iced.Intel.Register.BP, Iced.Intel.Register.DI) => 3,
        (Iced.Intel.Register.SI, _) => 4,
        (Iced.Intel.Register.DI, _) => 5,
        (Iced.Intel.Register.BP, _) => 6,
        _ => 7,
    };
}
