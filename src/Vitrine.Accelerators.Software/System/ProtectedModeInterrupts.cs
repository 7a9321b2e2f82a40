using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Interrupts in protected and virtual-8086 mode (SDM vol. 3, 6.12 and 21.3; vol. 2, INT n).</summary>
internal static unsafe class ProtectedModeInterrupts
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const uint EntrySize = 8;

    /// <summary>Goes through an interrupt, trap or task gate.</summary>
    public static TransferOutcome Deliver(CpuState* cpu, in GuestEvent guestEvent)
    {
        if (guestEvent.Kind == EventKind.SoftwareInterrupt && (cpu->SystemFlags & Rflags.VM) != 0)
        {
            if (!Virtual8086.TryRedirect(cpu, guestEvent, out bool entered)) return TransferOutcome.Fault;
            if (entered) return TransferOutcome.Done;
        }

        if (!TryFetchGate(cpu, guestEvent, out GateDescriptor gate)) return TransferOutcome.Fault;
        if (gate.Type == DescriptorType.TaskGate) return SwitchTask(cpu, gate, guestEvent);
        return TryEnter(cpu, gate, guestEvent) ? TransferOutcome.Done : TransferOutcome.Fault;
    }

    private static bool TryFetchGate(CpuState* cpu, in GuestEvent guestEvent, out GateDescriptor gate)
    {
        gate = default;
        uint entry = guestEvent.Vector * EntrySize;
        uint gateError = guestEvent.GateError;
        if (entry + EntrySize - 1 > cpu->IdtLimit) return GuestFault.GeneralProtection(cpu, gateError);
        if (!GuestAccess.ReadSystem(cpu, cpu->IdtBase + entry, out ulong raw)) return false;
        gate = new GateDescriptor(raw);
        bool known = !gate.IsCodeOrData && gate.Type is DescriptorType.TaskGate
            or DescriptorType.InterruptGate16 or DescriptorType.TrapGate16
            or DescriptorType.InterruptGate or DescriptorType.TrapGate;
        if (!known || (guestEvent.IsSoftware && gate.Dpl < cpu->Cpl)) return GuestFault.GeneralProtection(cpu, gateError);
        return gate.Present || GuestFault.NotPresent(cpu, gateError);
    }

    private static bool TryEnter(CpuState* cpu, GateDescriptor gate, in GuestEvent guestEvent)
    {
        uint external = guestEvent.External;
        if (!GateTarget.TryFetch(cpu, gate.Selector, external, out GateTarget target)) return false;
        if ((cpu->SystemFlags & Rflags.VM) != 0)
        {
            // Out of virtual-8086 mode only to level 0 (SDM vol. 3, 21.3.1).
            return target.Cpl == 0
                ? EnterOtherStack(cpu, gate, target, guestEvent)
                : GuestFault.GeneralProtection(cpu, GuestFault.ErrorCode(gate.Selector, external));
        }

        return target.Cpl < cpu->Cpl
            ? EnterOtherStack(cpu, gate, target, guestEvent)
            : EnterSameStack(cpu, gate, target, guestEvent);
    }

    private static int WidthOf(GateDescriptor gate) => (gate.Type & 8) != 0 ? 4 : 2;

    private static ulong OffsetOf(GateDescriptor gate) => (gate.Type & 8) != 0 ? gate.Offset : (ushort)gate.Offset;

    private static TransferOutcome SwitchTask(CpuState* cpu, GateDescriptor gate, in GuestEvent guestEvent)
    {
        uint external = guestEvent.External;
        if (!TaskSwitch.TryFetchAvailable(cpu, gate.Selector, external, out TaskSegment task)) return TransferOutcome.Fault;
        TransferOutcome outcome = TaskSwitch.Run(
            cpu, task, TaskSwitchSource.Nested, cpu->Rip, guestEvent.PushedFlags(cpu), external);
        if (outcome != TransferOutcome.Done) return outcome;
        if (guestEvent.HasErrorCode && !TryPushErrorCode(cpu, task, guestEvent)) return TransferOutcome.FaultInNewTask;
        return TaskSwitch.TryCheckEntry(cpu, external) ? TransferOutcome.Done : TransferOutcome.FaultInNewTask;
    }

    private static bool TryPushErrorCode(CpuState* cpu, TaskSegment task, in GuestEvent guestEvent)
    {
        PushFrame frame = new(
            cpu, null, cpu->Segments[Seg.Ss], cpu->Gpr[Gpr.Rsp], task.Is32 ? 4 : 2, isLong: false, isNewStack: false);
        frame.Push(guestEvent.ErrorCode);
        if (!frame.TryProbe(guestEvent.External) || !frame.TryWrite()) return false;
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        return true;
    }

    private static bool EnterSameStack(CpuState* cpu, GateDescriptor gate, GateTarget target, in GuestEvent guestEvent)
    {
        uint external = guestEvent.External;
        PushFrame frame = new(
            cpu, null, cpu->Segments[Seg.Ss], cpu->Gpr[Gpr.Rsp], WidthOf(gate), isLong: false, isNewStack: false);
        PushReturn(cpu, ref frame, guestEvent);
        if (!frame.TryProbe(external)) return false;
        ulong offset = OffsetOf(gate);
        if (offset > target.Limit) return GuestFault.GeneralProtection(cpu, external);
        if (!target.TryMarkAccessed(cpu) || !frame.TryWrite()) return false;
        target.Enter(cpu, offset);
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        Finish(cpu, gate);
        return true;
    }

    private static bool EnterOtherStack(CpuState* cpu, GateDescriptor gate, GateTarget target, in GuestEvent guestEvent)
    {
        uint external = guestEvent.External;
        bool fromVirtual8086 = (cpu->SystemFlags & Rflags.VM) != 0;
        if (!TaskState.TryReadStack(cpu, target.Cpl, external, out ushort selector, out uint pointer)) return false;
        if (!SegmentLoad.TryCheckStackAt(cpu, selector, target.Cpl, ExceptionVector.TS, external, out SegmentDescriptor stack)) return false;
        SegmentCache segment = new() { Base = stack.Base, Limit = stack.Limit, Access = stack.Access };
        PushFrame frame = new(cpu, null, segment, pointer, WidthOf(gate), isLong: false, isNewStack: true);
        if (fromVirtual8086)
        {
            frame.Push(cpu->Segments[Seg.Gs].Selector);
            frame.Push(cpu->Segments[Seg.Fs].Selector);
            frame.Push(cpu->Segments[Seg.Ds].Selector);
            frame.Push(cpu->Segments[Seg.Es].Selector);
        }

        frame.Push(cpu->Segments[Seg.Ss].Selector);
        frame.Push(cpu->Gpr[Gpr.Rsp]);
        PushReturn(cpu, ref frame, guestEvent);
        if (!frame.TryProbe(GuestFault.ErrorCode(selector, external))) return false;
        ulong offset = OffsetOf(gate);
        if (offset > target.Limit) return GuestFault.GeneralProtection(cpu, external);
        if (!target.TryMarkAccessed(cpu) || !frame.TryWrite()) return false;
        target.Enter(cpu, offset);
        SegmentLoad.Store(cpu, Seg.Ss, selector, stack);
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        if (fromVirtual8086)
        {
            SegmentLoad.Nullify(cpu, Seg.Gs);
            SegmentLoad.Nullify(cpu, Seg.Fs);
            SegmentLoad.Nullify(cpu, Seg.Ds);
            SegmentLoad.Nullify(cpu, Seg.Es);
        }

        Finish(cpu, gate);
        return true;
    }

    private static void PushReturn(CpuState* cpu, ref PushFrame frame, in GuestEvent guestEvent)
    {
        frame.Push(guestEvent.PushedFlags(cpu));
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(cpu->Rip);
        if (guestEvent.HasErrorCode) frame.Push(guestEvent.ErrorCode);
    }

    private static void Finish(CpuState* cpu, GateDescriptor gate)
    {
        bool isInterruptGate = gate.Type is DescriptorType.InterruptGate or DescriptorType.InterruptGate16;
        cpu->SystemFlags &= ~(Rflags.TF | Rflags.NT | Rflags.RF | Rflags.VM | (isInterruptGate ? Rflags.IF : 0));
        ModeChange.Apply(cpu);
    }
}
