using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>RDPKRU and WRPKRU (SDM vol. 2).</summary>
internal static unsafe class ProtectionKeyOps
{
    // SAFETY: takes the running vCPU's state.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Rdpkru, &Bind);
        table.Add(Code.Wrpkru, &Bind);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = instruction.Code == Code.Rdpkru ? &Read : &Write;

    private static Op* Read(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.PKE) == 0) return Faults.InvalidOpcode(cpu, op);
        if ((uint)cpu->Gpr[Gpr.Rcx] != 0) return Faults.GeneralProtection(cpu, op);
        cpu->Gpr[Gpr.Rax] = cpu->Pkru;
        cpu->Gpr[Gpr.Rdx] = 0;
        return op + 1;
    }

    private static Op* Write(CpuState* cpu, Op* op)
    {
        if ((cpu->Cr4 & Cr4.PKE) == 0) return Faults.InvalidOpcode(cpu, op);
        if (((uint)cpu->Gpr[Gpr.Rcx] | (uint)cpu->Gpr[Gpr.Rdx]) != 0) return Faults.GeneralProtection(cpu, op);
        SoftMmu.Of(cpu).LoadKeys((uint)cpu->Gpr[Gpr.Rax], cpu->Pkrs);
        return op + 1;
    }
}
