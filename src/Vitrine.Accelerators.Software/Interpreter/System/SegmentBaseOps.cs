using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>SWAPGS, RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE: 64-bit mode only (SDM vol. 2).</summary>
internal static unsafe class SegmentBaseOps
{
    // SAFETY: register operands are offsets computed by binders; Imm is FS or GS, Extra an operand size.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Swapgs, &Bind);
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Rdfsbase_r32, Code.Rdfsbase_r64, Code.Rdgsbase_r32, Code.Rdgsbase_r64,
            Code.Wrfsbase_r32, Code.Wrfsbase_r64, Code.Wrgsbase_r32, Code.Wrgsbase_r64])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        if (!context.Is64)
        {
            op->Handler = &Faults.InvalidOpcode;
            return;
        }

        if (instruction.Code == Code.Swapgs)
        {
            op->Handler = &SwapGs;
            return;
        }

        Operands.Destination(instruction, op);
        op->Extra = (ushort)instruction.Op0Register.GetSize();
        op->Imm = instruction.Mnemonic is Mnemonic.Rdfsbase or Mnemonic.Wrfsbase ? (ulong)Seg.Fs : Seg.Gs;
        op->Handler = instruction.Mnemonic is Mnemonic.Rdfsbase or Mnemonic.Rdgsbase ? &ReadBase : &WriteBase;
    }

    private static Op* SwapGs(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        ref SegmentCache gs = ref cpu->Segments[Seg.Gs];
        (gs.Base, cpu->KernelGsBase) = (cpu->KernelGsBase, gs.Base);
        return op + 1;
    }

    private static Op* ReadBase(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.FSGSBASE) == 0) return Faults.InvalidOpcode(cpu, op);
        SystemOperand.WriteSized(cpu, op->Dst, op->Extra, cpu->Segments[(int)op->Imm].Base);
        return op + 1;
    }

    private static Op* WriteBase(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.FSGSBASE) == 0) return Faults.InvalidOpcode(cpu, op);
        ulong value = op->Extra == 4 ? Width.ReadRegister<uint>(cpu, op->Dst) : Width.ReadRegister<ulong>(cpu, op->Dst);
        if (!Canonical.Is(value)) return Faults.GeneralProtection(cpu, op);
        cpu->Segments[(int)op->Imm].Base = value;
        return op + 1;
    }
}
