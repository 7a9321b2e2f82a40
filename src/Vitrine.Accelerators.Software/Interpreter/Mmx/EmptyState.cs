using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse;

namespace Vitrine.Accelerators.Software.Interpreter.Mmx;

/// <summary>EMMS: all x87 registers are empty again, their contents stay.</summary>
internal static unsafe class EmptyState
{
    // SAFETY: touches the vCPU's own state.

    /// <summary>Registers the instruction.</summary>
    public static void Register(OpTable table) => table.Add(Code.Emms, &Bind);

    private static void Bind(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = VectorInstruction.Guarded<MmxRegister, MmxRegister>(context, &Execute);

    private static Op* Execute(CpuState* cpu, Op* op)
    {
        if (!MmxRegister.Ready(cpu)) return Faults.Raise(cpu, op);
        cpu->FpuTop = 0;
        cpu->FpuTag = 0;
        return op + 1;
    }
}
