using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Interrupts in IA-32e mode (SDM vol. 3, 6.14).</summary>
internal static unsafe class LongModeInterrupts
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const uint EntrySize = 16;

    /// <summary>Pushes SS, RSP, RFLAGS, CS, RIP and the error code on an aligned stack, and enters 64-bit code.</summary>
    /// <returns>False when a fault is recorded and nothing has changed.</returns>
    public static bool Deliver(CpuState* cpu, in GuestEvent guestEvent)
    {
        uint entry = guestEvent.Vector * EntrySize;
        uint gateError = guestEvent.GateError;
        if (entry + EntrySize - 1 > cpu->IdtLimit) return GuestFault.GeneralProtection(cpu, gateError);
        if (!GuestAccess.ReadSystem(cpu, cpu->IdtBase + entry, out ulong low)) return false;
        if (!GuestAccess.ReadSystem(cpu, cpu->IdtBase + entry + 8, out ulong high)) return false;
        GateDescriptor gate = new(low, high);
        bool isInterruptGate = gate.Type == DescriptorType.InterruptGate;
        if (gate.IsCodeOrData || !(isInterruptGate || gate.Type == DescriptorType.TrapGate))
            return GuestFault.GeneralProtection(cpu, gateError);
        if (guestEvent.IsSoftware && gate.Dpl < cpu->Cpl) return GuestFault.GeneralProtection(cpu, gateError);
        if (!gate.Present) return GuestFault.NotPresent(cpu, gateError);

        uint external = guestEvent.External;
        if (!GateTarget.TryFetch(cpu, gate.Selector, external, out GateTarget target)) return false;
        ulong pointer = cpu->Gpr[Gpr.Rsp];
        bool inward = target.Cpl < cpu->Cpl;
        if ((inward || gate.Ist != 0) && !TaskState.TryReadStack64(cpu, target.Cpl, gate.Ist, external, out pointer)) return false;

        PushFrame frame = new(cpu, null, cpu->Segments[Seg.Ss], pointer & ~0xFUL, 8, isLong: true, isNewStack: inward);
        frame.Push(cpu->Segments[Seg.Ss].Selector);
        frame.Push(cpu->Gpr[Gpr.Rsp]);
        frame.Push(guestEvent.PushedFlags(cpu));
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(cpu->Rip);
        if (guestEvent.HasErrorCode) frame.Push(guestEvent.ErrorCode);
        if (!frame.TryProbe(external)) return false;
        if (!Canonical.Is(gate.Offset)) return GuestFault.GeneralProtection(cpu, external);
        if (!target.TryMarkAccessed(cpu) || !frame.TryWrite()) return false;
        target.Enter(cpu, gate.Offset);

        if (inward) SegmentLoad.StoreNull(cpu, Seg.Ss, (ushort)target.Cpl, target.Cpl);
        cpu->Gpr[Gpr.Rsp] = frame.Pointer;
        cpu->SystemFlags &= ~(Rflags.TF | Rflags.NT | Rflags.RF | Rflags.VM | (isInterruptGate ? Rflags.IF : 0));
        ModeChange.Apply(cpu);
        return true;
    }
}
