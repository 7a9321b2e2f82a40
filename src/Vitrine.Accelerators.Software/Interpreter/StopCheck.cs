using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>An operation before the first instruction of a block that may be at the stop address, see <see cref="StopPoint"/>. It is no instruction.</summary>
internal static unsafe class StopCheck
{
    // SAFETY: the operation is followed by that of its block's first instruction.

    /// <summary>Leaves where the block is at the stop address.</summary>
    public static Op* Run(CpuState* cpu, Op* op)
    {
        if (!StopPoint.IsAt(cpu, CodeFinder.Of(cpu).LinearOf(cpu->BlockRip))) return op + 1;
        cpu->Rip = cpu->BlockRip;
        cpu->Leave = LeaveReason.Stop;
        return null;
    }
}
