using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>The few instructions of kernels that are worth their own code: SWAPGS, CLI, STI and PUSHF in 64-bit mode.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private const int InterruptFlag = (int)Rflags.IF;

    private void EmitSwapGs()
    {
        _second = SecondHolds.Nothing;
        ForgetSegment(Seg.Gs);
        int present = _at.SegmentBase(Seg.Gs);
        _emitter.Mov(RegisterMap.First, State(present));
        _emitter.Mov(RegisterMap.Second, State(_at.KernelGsBase));
        _emitter.Mov(State(present), RegisterMap.Second);
        _emitter.Mov(State(_at.KernelGsBase), RegisterMap.First);
    }

    private void EmitClearInterrupts(int i)
    {
        LoseFlags(_wanted[i]);
        _emitter.And(State(_at.SystemFlags), ~InterruptFlag);
    }

    /// <summary>
    /// While no interrupt waits, nobody can tell that the instruction behind STI is under its shadow: nothing looks for interrupts before the
    /// next block, and STI is never a block's last instruction.
    /// </summary>
    private void EmitSetInterrupts(int i, int offset)
    {
        LoseFlags(_wanted[i]);
        _emitter.Cmp(State(_at.InterruptWaits), 0, OperandSize.Dword);
        DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        _emitter.Or(State(_at.SystemFlags), InterruptFlag);
    }

    private void EmitPushFlags(int i, int offset)
    {
        const int LahfFlags = 0xD5;
        const int OverflowShift = 11;
        SaveFlags();
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, -8, 8, write: true, offset);

        // Into the slot first: both free registers are needed for the parts.
        _second = SecondHolds.Nothing;
        _emitter.Lea(RegisterMap.Second, top);
        _emitter.Movzx(RegisterMap.First, State(_at.PackedFlags + 1), OperandSize.Byte);
        _emitter.And(RegisterMap.First, LahfFlags, OperandSize.Dword);
        _emitter.Or(RegisterMap.First, State(_at.SystemFlags));
        _emitter.Mov(new HostOperand(RegisterMap.Second, 0), RegisterMap.First);
        _emitter.Movzx(RegisterMap.First, State(_at.PackedFlags), OperandSize.Byte);
        _emitter.Shl(RegisterMap.First, OverflowShift, OperandSize.Dword);
        _emitter.Or(new HostOperand(RegisterMap.Second, 0), RegisterMap.First);
        MoveStack(-8);
    }
}
