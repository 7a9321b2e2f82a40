using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>IRET in all modes (SDM vol. 2, IRET; vol. 3, 6.12.1, 6.14.3, 21.2.6).</summary>
internal static unsafe class InterruptReturn
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const ulong Low16 = 0xFFFF;

    /// <summary>Runs IRET with an operand size of <paramref name="width"/> bytes.</summary>
    public static TransferOutcome Run(CpuState* cpu, Op* op, int width)
    {
        // NMIs are possible again even when the IRET itself faults (SDM vol. 3, 6.7.1).
        if (cpu->NmiMasked)
        {
            cpu->NmiMasked = false;
            Processor.Of(cpu).LocalApic.EndNmi();
            Volatile.Write(ref cpu->PollAt, 0);
        }

        if ((cpu->Mode & ExecutionMode.Protected) == 0) return Outcome(TryReal(cpu, op, width));
        if ((cpu->Mode & ExecutionMode.Virtual8086) != 0) return Outcome(TryVirtual8086(cpu, op, width));
        if ((cpu->SystemFlags & Rflags.NT) == 0) return Outcome(TryProtected(cpu, op, width));
        if ((cpu->Mode & ExecutionMode.LongMode) != 0) return Outcome(GuestFault.GeneralProtection(cpu, 0));
        return ReturnToTask(cpu, op);
    }

    private static TransferOutcome Outcome(bool done) => done ? TransferOutcome.Done : TransferOutcome.Fault;

    private static TransferOutcome ReturnToTask(CpuState* cpu, Op* op)
    {
        if (!TaskSwitch.TryFetchLinked(cpu, out TaskSegment task)) return TransferOutcome.Fault;
        TransferOutcome outcome = TaskSwitch.Run(
            cpu, task, TaskSwitchSource.Return, Faults.NextRip(cpu, op), Flags.GetRflags(cpu), 0);
        if (outcome != TransferOutcome.Done) return outcome;
        return TaskSwitch.TryCheckEntry(cpu, 0) ? TransferOutcome.Done : TransferOutcome.FaultInNewTask;
    }

    private static bool TryReal(CpuState* cpu, Op* op, int width)
    {
        // VM, VIF and VIP stay as they are.
        ulong changeable = Rflags.Defined & ~(Rflags.VM | Rflags.VIF | Rflags.VIP);
        return TryParagraph(cpu, op, width, width == 2 ? changeable & Low16 : changeable, out _);
    }

    private static bool TryVirtual8086(CpuState* cpu, Op* op, int width)
    {
        ulong changeable = Rflags.Defined & ~(Rflags.VM | Rflags.VIF | Rflags.VIP | Rflags.IOPL);
        if (width == 2) changeable &= Low16;
        if ((cpu->SystemFlags & Rflags.IOPL) == Rflags.IOPL) return TryParagraph(cpu, op, width, changeable, out _);
        if (width != 2 || (cpu->Cr4 & Cr4.VME) == 0) return GuestFault.GeneralProtection(cpu, 0);

        // With CR4.VME the program's IF is VIF (SDM vol. 3, 21.3.3.4).
        PopFrame frame = new(cpu, op, width);
        if (!frame.TryPop(out _) || !frame.TryPop(out _) || !frame.TryPop(out ulong popped)) return false;
        bool enable = (popped & Rflags.IF) != 0;
        if ((popped & Rflags.TF) != 0 || (enable && (cpu->SystemFlags & Rflags.VIP) != 0)) return GuestFault.GeneralProtection(cpu, 0);
        if (!TryParagraph(cpu, op, width, changeable & ~Rflags.IF, out _)) return false;
        cpu->SystemFlags = enable ? cpu->SystemFlags | Rflags.VIF : cpu->SystemFlags & ~Rflags.VIF;
        return true;
    }

    private static bool TryParagraph(CpuState* cpu, Op* op, int width, ulong changeable, out ulong flags)
    {
        PopFrame frame = new(cpu, op, width);
        flags = 0;
        if (!frame.TryPop(out ulong rip) || !frame.TryPop(out ulong cs) || !frame.TryPop(out flags)) return false;
        if (rip > cpu->Segments[Seg.Cs].Limit) return GuestFault.GeneralProtection(cpu, 0);
        SegmentLoad.StoreParagraph(cpu, Seg.Cs, (ushort)cs, (cpu->Mode & ExecutionMode.Virtual8086) != 0);
        cpu->Rip = rip;
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        SetFlags(cpu, flags, changeable);
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryProtected(CpuState* cpu, Op* op, int width)
    {
        PopFrame frame = new(cpu, op, width);
        if (!frame.TryPop(out ulong rip) || !frame.TryPop(out ulong cs) || !frame.TryPop(out ulong flags)) return false;
        ushort selector = (ushort)cs;
        bool longMode = (cpu->Mode & ExecutionMode.LongMode) != 0;
        if (!longMode && width == 4 && (flags & Rflags.VM) != 0 && cpu->Cpl == 0)
            return TryToVirtual8086(cpu, frame, rip, selector, flags);

        if (!FarReturn.TryFetchCode(cpu, selector, out SegmentDescriptor code, out ulong address)) return false;
        uint level = selector & 3u;
        ulong changeable = ChangeableFlags(cpu, width);

        // 64-bit code pops SS:RSP always, other code only on its way to an outer level.
        if ((cpu->Mode & ExecutionMode.Code64) != 0 || level > cpu->Cpl)
        {
            if (!frame.TryPop(out ulong pointer) || !frame.TryPop(out ulong ss)) return false;
            if (!FarReturn.TryCheckReturnStack(cpu, (ushort)ss, level, code, out SegmentDescriptor stack)) return false;
            if (!FarTransfer.TryCheckOffset(cpu, code, rip)) return false;
            if (!DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
            SegmentLoad.Store(cpu, Seg.Cs, selector, code);
            cpu->Rip = rip;
            SetFlags(cpu, flags, changeable);
            FarReturn.EnterOuter(cpu, (ushort)ss, stack, level, pointer, 0);
            return true;
        }

        if (!FarTransfer.TryCheckOffset(cpu, code, rip)) return false;
        if (!DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
        SegmentLoad.Store(cpu, Seg.Cs, selector, code);
        cpu->Rip = rip;
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        SetFlags(cpu, flags, changeable);
        ModeChange.Apply(cpu);
        return true;
    }

    private static bool TryToVirtual8086(CpuState* cpu, PopFrame frame, ulong rip, ushort cs, ulong flags)
    {
        if (!frame.TryPop(out ulong pointer) || !frame.TryPop(out ulong ss) || !frame.TryPop(out ulong es)
            || !frame.TryPop(out ulong ds) || !frame.TryPop(out ulong fs) || !frame.TryPop(out ulong gs))
        {
            return false;
        }

        if (rip > Low16) return GuestFault.GeneralProtection(cpu, 0);
        cpu->Rip = rip;
        SetFlags(cpu, flags, Rflags.Defined);
        cpu->Cpl = 3;
        cpu->Gpr[Gpr.Rsp] = (uint)pointer;
        SegmentLoad.StoreParagraph(cpu, Seg.Cs, cs, virtual8086: true);
        SegmentLoad.StoreParagraph(cpu, Seg.Ss, (ushort)ss, virtual8086: true);
        SegmentLoad.StoreParagraph(cpu, Seg.Es, (ushort)es, virtual8086: true);
        SegmentLoad.StoreParagraph(cpu, Seg.Ds, (ushort)ds, virtual8086: true);
        SegmentLoad.StoreParagraph(cpu, Seg.Fs, (ushort)fs, virtual8086: true);
        SegmentLoad.StoreParagraph(cpu, Seg.Gs, (ushort)gs, virtual8086: true);
        ModeChange.Apply(cpu);
        return true;
    }

    private static ulong ChangeableFlags(CpuState* cpu, int width)
    {
        ulong changeable = Rflags.Arithmetic | Rflags.TF | Rflags.DF | Rflags.NT;
        if (width > 2) changeable |= Rflags.RF | Rflags.AC | Rflags.ID;
        if (cpu->Cpl <= (cpu->SystemFlags & Rflags.IOPL) >> Rflags.IoplShift) changeable |= Rflags.IF;
        if (cpu->Cpl == 0)
        {
            changeable |= Rflags.IOPL;
            if (width > 2) changeable |= Rflags.VIF | Rflags.VIP;
        }

        return changeable;
    }

    private static void SetFlags(CpuState* cpu, ulong popped, ulong changeable) =>
        Flags.SetRflags(cpu, (Flags.GetRflags(cpu) & ~changeable) | (popped & changeable));
}
