using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Far JMP and CALL (SDM vol. 2, JMP and CALL; vol. 3, 5.8 "Privilege Level Checking When Transferring Control").</summary>
internal static unsafe class FarTransfer
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.

    /// <summary>Transfers to <paramref name="selector"/>:<paramref name="offset"/>.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="selector">Code segment, gate or TSS.</param>
    /// <param name="offset">Truncated to the operand size already; unused with a gate or TSS.</param>
    /// <param name="width">Operand size in bytes: that of the values CALL pushes.</param>
    /// <param name="isCall">CALL instead of JMP.</param>
    public static TransferOutcome Run(CpuState* cpu, Op* op, ushort selector, ulong offset, int width, bool isCall)
    {
        if (SegmentLoad.IsRealOrVirtual8086(cpu)) return Outcome(TryParagraph(cpu, op, selector, offset, width, isCall));
        if (DescriptorRules.IsNull(selector)) return Outcome(GuestFault.GeneralProtection(cpu, 0));
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.GP, 0, out SegmentDescriptor descriptor, out ulong address))
            return TransferOutcome.Fault;
        if (descriptor.IsCodeOrData)
            return Outcome(TryDirect(cpu, op, selector, offset, width, isCall, descriptor, address));

        uint error = GuestFault.ErrorCode(selector);
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        bool known = descriptor.Type switch
        {
            DescriptorType.CallGate => true,
            DescriptorType.CallGate16 or DescriptorType.TaskGate
                or DescriptorType.TssAvailable or DescriptorType.Tss16Available => !longMode,
            _ => false,
        };
        if (!known || descriptor.Dpl < Math.Max(cpu->Cpl, selector & 3u)) return Outcome(GuestFault.GeneralProtection(cpu, error));

        switch (descriptor.Type)
        {
            case DescriptorType.CallGate or DescriptorType.CallGate16:
                return Outcome(CallGate.TryRun(cpu, op, selector, descriptor, address, isCall));

            case DescriptorType.TaskGate:
                if (!descriptor.Present) return Outcome(GuestFault.NotPresent(cpu, error));
                return RunTask(cpu, op, new GateDescriptor(descriptor.Raw).Selector, isCall);

            default:
                return RunTask(cpu, op, selector, isCall);
        }
    }

    /// <summary>Checks the offset of a transfer inside its new code segment: #GP(0).</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="code">The new code segment.</param>
    /// <param name="offset">The new RIP.</param>
    public static bool TryCheckOffset(CpuState* cpu, SegmentDescriptor code, ulong offset)
    {
        bool isLong = (cpu->Mode & ExecutionMode.LongMode) != 0 && code.Long;
        bool valid = isLong ? Canonical.Is(offset) : offset <= code.Limit;
        return valid || GuestFault.GeneralProtection(cpu, 0);
    }

    private static TransferOutcome Outcome(bool done) => done ? TransferOutcome.Done : TransferOutcome.Fault;

    private static bool TryParagraph(CpuState* cpu, Op* op, ushort selector, ulong offset, int width, bool isCall)
    {
        PushFrame frame = ReturnFrame(cpu, op, width);
        if (isCall && !frame.TryProbe(0)) return false;
        if (offset > cpu->Segments[Seg.Cs].Limit) return GuestFault.GeneralProtection(cpu, 0);
        if (isCall)
        {
            if (!frame.TryWrite()) return false;
            StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        }

        SegmentLoad.StoreParagraph(cpu, Seg.Cs, selector, (cpu->Mode & ExecutionMode.Virtual8086) != 0);
        cpu->Rip = offset;
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryDirect(
        CpuState* cpu, Op* op, ushort selector, ulong offset, int width, bool isCall, SegmentDescriptor code, ulong address)
    {
        uint error = GuestFault.ErrorCode(selector);
        bool allowed = code.IsCode && (code.IsConforming()
            ? code.Dpl <= cpu->Cpl
            : (selector & 3u) <= cpu->Cpl && code.Dpl == cpu->Cpl);
        if (!allowed) return GuestFault.GeneralProtection(cpu, error);
        if ((cpu->Mode & ExecutionMode.LongMode) != 0 && code.Long && code.DefaultBig) return GuestFault.GeneralProtection(cpu, error);
        if (!code.Present) return GuestFault.NotPresent(cpu, error);
        PushFrame frame = ReturnFrame(cpu, op, width);
        if (isCall && !frame.TryProbe(0)) return false;
        if (!TryCheckOffset(cpu, code, offset) || !DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
        if (isCall)
        {
            if (!frame.TryWrite()) return false;
            StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        }

        SegmentLoad.Store(cpu, Seg.Cs, (ushort)((selector & ~3u) | cpu->Cpl), code);
        cpu->Rip = offset;
        ModeChange.Apply(cpu);
        return true;
    }

    private static TransferOutcome RunTask(CpuState* cpu, Op* op, ushort selector, bool isCall)
    {
        if (!TaskSwitch.TryFetchAvailable(cpu, selector, 0, out TaskSegment task)) return TransferOutcome.Fault;
        TaskSwitchSource source = isCall ? TaskSwitchSource.Nested : TaskSwitchSource.Jump;
        TransferOutcome outcome = TaskSwitch.Run(cpu, task, source, Faults.NextRip(cpu, op), Flags.GetRflags(cpu), 0);
        if (outcome != TransferOutcome.Done) return outcome;
        return TaskSwitch.TryCheckEntry(cpu, 0) ? TransferOutcome.Done : TransferOutcome.FaultInNewTask;
    }

    private static PushFrame ReturnFrame(CpuState* cpu, Op* op, int width)
    {
        bool isLong = (cpu->Mode & ExecutionMode.Code64) != 0;
        PushFrame frame = new(cpu, op, cpu->Segments[Seg.Ss], cpu->Gpr[Gpr.Rsp], width, isLong, isNewStack: false);
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(Faults.NextRip(cpu, op));
        return frame;
    }
}
