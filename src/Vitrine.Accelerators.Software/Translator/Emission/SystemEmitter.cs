using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>The few instructions of kernels that are worth their own code: SWAPGS, CLI and STI in 64-bit mode.</summary>
internal sealed class SystemEmitter(BlockContext block, FlagTracker flags, BlockExits exits, SecondRegister second, PageFacts facts)
{
    private const int InterruptFlag = (int)Rflags.IF;

    /// <summary>SWAPGS.</summary>
    public void SwapGs()
    {
        second.Forget();
        facts.ForgetSegment(Seg.Gs);
        HostOperand present = SegmentBase(Seg.Gs);
        HostOperand other = State(CpuOffsets.KernelGsBase);
        block.Asm.Mov(RegisterMap.First, present);
        block.Asm.Mov(RegisterMap.Second, other);
        block.Asm.Mov(present, RegisterMap.Second);
        block.Asm.Mov(other, RegisterMap.First);
    }

    /// <summary>CLI.</summary>
    public void ClearInterrupts(int i)
    {
        flags.Lose(i);
        block.Asm.And(State(CpuOffsets.SystemFlags), ~InterruptFlag);
    }

    /// <summary>
    /// STI. While no interrupt waits, nobody can tell that the instruction after STI is under its shadow: nothing looks for interrupts
    /// before the next block, and STI is never a block's last instruction.
    /// </summary>
    public void SetInterrupts(int i, int offset)
    {
        flags.Lose(i);
        block.Asm.Cmp(State(CpuOffsets.InterruptWaits), 0, OperandSize.Dword);
        exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
        block.Asm.Or(State(CpuOffsets.SystemFlags), InterruptFlag);
    }
}
