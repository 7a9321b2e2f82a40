using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Far JMP and CALL through a call gate (SDM vol. 3, 5.8.3 to 5.8.5).</summary>
internal static unsafe class CallGate
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only; a gate's parameter count
    // is at most 31, so the buffer for parameters and the frame hold them.
    private const int MaxParameters = 31;

    /// <summary>Goes through a gate whose privilege level the caller has checked.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="selector">Selector of the gate.</param>
    /// <param name="low">Its first eight bytes.</param>
    /// <param name="address">Its linear address.</param>
    /// <param name="isCall">CALL instead of JMP.</param>
    /// <returns>False when a fault is recorded and nothing has changed.</returns>
    public static bool TryRun(CpuState* cpu, Op* op, ushort selector, SegmentDescriptor low, ulong address, bool isCall)
    {
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        ulong high = 0;
        if (longMode && !DescriptorTables.TryFetchHigh(cpu, selector, ExceptionVector.GP, address, out high)) return false;
        GateDescriptor gate = new(low.Raw, high);
        if (!gate.Present) return GuestFault.NotPresent(cpu, GuestFault.ErrorCode(selector));
        if (!GateTarget.TryFetch(cpu, gate.Selector, 0, out GateTarget target)) return false;
        bool inward = target.Cpl < cpu->Cpl;
        if (inward && !isCall) return GuestFault.GeneralProtection(cpu, GuestFault.ErrorCode(gate.Selector));

        int width = longMode ? 8 : gate.Type == DescriptorType.CallGate ? 4 : 2;
        ulong offset = width == 2 ? (ushort)gate.Offset : gate.Offset;
        bool valid = longMode ? Canonical.Is(offset) : offset <= target.Limit;
        if (inward)
        {
            return longMode
                ? TryEnterInner64(cpu, op, target, offset, valid)
                : TryEnterInner(cpu, op, gate, target, offset, valid, width);
        }

        PushFrame frame = new(cpu, op, cpu->Segments[Seg.Ss], cpu->Gpr[Gpr.Rsp], width, longMode, isNewStack: false);
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(Faults.NextRip(cpu, op));
        if (isCall && !frame.TryProbe(0)) return false;
        if (!valid) return GuestFault.GeneralProtection(cpu, 0);
        if (!target.TryMarkAccessed(cpu) || (isCall && !frame.TryWrite())) return false;
        target.Enter(cpu, offset);
        if (isCall) StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryEnterInner64(CpuState* cpu, Op* op, GateTarget target, ulong offset, bool valid)
    {
        if (!TaskState.TryReadStack64(cpu, target.Cpl, 0, 0, out ulong pointer)) return false;
        PushFrame frame = new(cpu, op, cpu->Segments[Seg.Ss], pointer, 8, isLong: true, isNewStack: true);
        frame.Push(cpu->Segments[Seg.Ss].Selector);
        frame.Push(cpu->Gpr[Gpr.Rsp]);
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(Faults.NextRip(cpu, op));
        if (!frame.TryProbe(0)) return false;
        if (!valid) return GuestFault.GeneralProtection(cpu, 0);
        if (!target.TryMarkAccessed(cpu) || !frame.TryWrite()) return false;
        target.Enter(cpu, offset);
        SegmentLoad.StoreNull(cpu, Seg.Ss, (ushort)target.Cpl, target.Cpl);
        cpu->Gpr[Gpr.Rsp] = frame.Pointer;
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryEnterInner(
        CpuState* cpu, Op* op, GateDescriptor gate, GateTarget target, ulong offset, bool valid, int width)
    {
        if (!TaskState.TryReadStack(cpu, target.Cpl, 0, out ushort selector, out uint pointer)) return false;
        if (!SegmentLoad.TryCheckStackAt(cpu, selector, target.Cpl, ExceptionVector.TS, 0, out SegmentDescriptor stack)) return false;
        SegmentCache segment = new() { Base = stack.Base, Limit = stack.Limit, Access = stack.Access };
        PushFrame frame = new(cpu, op, segment, pointer, width, isLong: false, isNewStack: true);
        frame.Push(cpu->Segments[Seg.Ss].Selector);
        frame.Push(cpu->Gpr[Gpr.Rsp]);
        if (!TryCopyParameters(cpu, op, ref frame, gate.ParameterCount, width)) return false;
        frame.Push(cpu->Segments[Seg.Cs].Selector);
        frame.Push(Faults.NextRip(cpu, op));
        if (!frame.TryProbe(GuestFault.ErrorCode(selector))) return false;
        if (!valid) return GuestFault.GeneralProtection(cpu, 0);
        if (!target.TryMarkAccessed(cpu) || !frame.TryWrite()) return false;
        target.Enter(cpu, offset);
        SegmentLoad.Store(cpu, Seg.Ss, selector, stack);
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryCopyParameters(CpuState* cpu, Op* op, ref PushFrame frame, int count, int width)
    {
        ulong* parameters = stackalloc ulong[MaxParameters];
        PopFrame old = new(cpu, op, width);
        for (int i = 0; i < count; i++)
        {
            if (!old.TryPop(out parameters[i])) return false;
        }

        for (int i = count - 1; i >= 0; i--) frame.Push(parameters[i]);
        return true;
    }
}
