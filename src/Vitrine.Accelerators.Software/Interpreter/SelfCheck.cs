using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>The first operation of a block that compares itself with memory, see <see cref="ExecutionMode.SelfChecking"/>. It is no instruction.</summary>
internal static unsafe class SelfCheck
{
    // SAFETY: the operation is the first of its block; see Block.IsUnchanged.

    /// <summary>Goes on where memory holds what the block was decoded from; else the block is dropped, and what memory holds is decoded.</summary>
    public static Op* Run(CpuState* cpu, Op* op)
    {
        Block* block = Block.Of(op);
        if (Block.IsUnchanged(block)) return op + 1;
        CodeFinder.Of(cpu).FindChange(block);
        cpu->Rip = cpu->BlockRip;
        cpu->Leave = LeaveReason.NextBlock;
        return null;
    }
}
