using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Interrupts through the real-mode interrupt vector table (SDM vol. 3, 21.1.4).</summary>
internal static unsafe class RealModeInterrupts
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const uint EntrySize = 4;

    /// <summary>Pushes FLAGS, CS and IP, 16 bits each; error codes are not pushed.</summary>
    /// <returns>False when a fault is recorded and nothing has changed.</returns>
    public static bool Deliver(CpuState* cpu, in GuestEvent guestEvent)
    {
        uint entry = guestEvent.Vector * EntrySize;
        if (entry + EntrySize - 1 > cpu->IdtLimit) return GuestFault.GeneralProtection(cpu, guestEvent.GateError);
        if (!GuestAccess.ReadSystem(cpu, cpu->IdtBase + entry, out uint vector)) return false;
        return TryEnter(cpu, guestEvent.PushedFlags(cpu), vector, Rflags.IF | Rflags.TF | Rflags.AC | Rflags.RF);
    }

    /// <summary>Pushes a 16-bit frame and jumps to a real-mode far pointer; also for redirected interrupts of virtual-8086 mode.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="pushedFlags">The flags image.</param>
    /// <param name="target">Offset in the low, selector in the high half.</param>
    /// <param name="cleared">Flags to clear then.</param>
    public static bool TryEnter(CpuState* cpu, ulong pushedFlags, uint target, ulong cleared)
    {
        PushFrame frame = new(cpu, null, cpu->Segments[Seg.Ss], cpu->Gpr[Gpr.Rsp], 2, isLong: false, isNewStack: false);
        frame.Push(pushedFlags);
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(cpu->Rip);
        ushort offset = (ushort)target;
        if (!frame.TryProbe(0)) return false;
        if (offset > cpu->Segments[Seg.Cs].Limit) return GuestFault.GeneralProtection(cpu, 0);
        if (!frame.TryWrite()) return false;
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        cpu->SystemFlags &= ~cleared;
        SegmentLoad.StoreParagraph(cpu, Seg.Cs, (ushort)(target >> 16), (cpu->Mode & ExecutionMode.Virtual8086) != 0);
        cpu->Rip = offset;
        ModeChange.Apply(cpu);
        return true;
    }
}
