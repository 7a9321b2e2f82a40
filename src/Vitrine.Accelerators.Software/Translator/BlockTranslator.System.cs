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
        _emitter.Load(HostRegister.First, State(present));
        _emitter.Load(HostRegister.Second, State(_at.KernelGsBase));
        _emitter.Store(State(present), HostRegister.Second);
        _emitter.Store(State(_at.KernelGsBase), HostRegister.First);
    }

    private void EmitClearInterrupts(int i)
    {
        LoseFlags(_wanted[i]);
        _emitter.Memory(0x81, true, AndExtension, State(_at.SystemFlags));
        _emitter.Dword(~InterruptFlag);
    }

    /// <summary>
    /// While no interrupt waits, nobody can tell that the instruction behind STI is under its shadow: nothing looks for interrupts before the
    /// next block, and STI is never a block's last instruction.
    /// </summary>
    private void EmitSetInterrupts(int i, int offset)
    {
        const int OrExtension = 1;
        LoseFlags(_wanted[i]);
        _emitter.Memory(0x83, false, CompareExtension, State(_at.InterruptWaits));
        _emitter.Byte(0);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        _emitter.Memory(0x81, true, OrExtension, State(_at.SystemFlags));
        _emitter.Dword(InterruptFlag);
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
        _emitter.Lea(HostRegister.Second, top);
        _emitter.Memory0F(0xB6, false, HostRegister.First, State(_at.PackedFlags + 1));
        _emitter.Immediate(AndExtension, false, HostRegister.First, LahfFlags);
        _emitter.Memory(0x0B, true, HostRegister.First, State(_at.SystemFlags));
        _emitter.Store(new HostOperand(HostRegister.Second, 0), HostRegister.First);
        _emitter.Memory0F(0xB6, false, HostRegister.First, State(_at.PackedFlags));
        _emitter.Registers(0xC1, false, 4, HostRegister.First);
        _emitter.Byte(OverflowShift);
        _emitter.Memory(0x09, true, HostRegister.First, new HostOperand(HostRegister.Second, 0));
        MoveStack(-8);
    }
}
