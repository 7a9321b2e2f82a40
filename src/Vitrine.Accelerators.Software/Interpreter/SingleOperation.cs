using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Executes one operation for an engine that does the rest by other means.</summary>
internal static unsafe class SingleOperation
{
    // SAFETY: the operation is one of the running vCPU's, found for its RIP.

    /// <summary>Executes it.</summary>
    /// <param name="cpu">The state. Afterwards <see cref="CpuState.Leave"/> says how it ended and <see cref="CpuState.Rip"/> what comes next, or what has faulted.</param>
    /// <param name="op">The operation of the instruction at RIP, alone in its block.</param>
    public static void Execute(CpuState* cpu, Op* op)
    {
        cpu->BlockRip = cpu->Rip;
        Op* next = op->Handler(cpu, op);
        if (next == null) return;
        cpu->Leave = LeaveReason.NextBlock;
        if (next == op + 1)
        {
            cpu->Instructions++;
            cpu->Rip = Faults.NextRip(cpu, op);
        }
        else
        {
            cpu->Rip = cpu->BlockRip;
        }
    }
}
