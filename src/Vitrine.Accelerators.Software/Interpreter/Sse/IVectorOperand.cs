using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>A place that vector instructions read or write: a register of some file, memory, an immediate.</summary>
internal unsafe interface IVectorOperand
{
    /// <summary>The mode in which instructions with such an operand are not available: SseTrap, FpuTrap or none.</summary>
    static abstract ExecutionMode Trap { get; }

    /// <summary>False when a pending x87 exception comes before the instruction (#MF is then recorded).</summary>
    static abstract bool Ready(CpuState* cpu);

    /// <summary>What using the operand changes besides its value, once the instruction can no longer fault.</summary>
    static abstract void Complete(CpuState* cpu);
}
