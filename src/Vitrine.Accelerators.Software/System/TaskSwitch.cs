using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Hardware task switches (SDM vol. 3, 8.3 "Task Switching"). Not in IA-32e mode.</summary>
internal static unsafe class TaskSwitch
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const ushort TableIndicator = 4;

    /// <summary>Fetches the TSS that a task gate or far pointer names: it must be in the GDT, available and present.</summary>
    /// <returns>False when #GP or #NP with its selector is recorded.</returns>
    public static bool TryFetchAvailable(CpuState* cpu, ushort selector, uint external, out TaskSegment task)
    {
        task = default;
        uint error = GuestFault.ErrorCode(selector, external);
        if ((selector & TableIndicator) != 0) return GuestFault.GeneralProtection(cpu, error);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.GP, external, out SegmentDescriptor descriptor, out ulong address))
            return false;
        if (!descriptor.IsSystem(DescriptorType.TssAvailable) && !descriptor.IsSystem(DescriptorType.Tss16Available))
            return GuestFault.GeneralProtection(cpu, error);
        if (!descriptor.Present) return GuestFault.NotPresent(cpu, error);
        task = new TaskSegment(selector, descriptor, address);
        return true;
    }

    /// <summary>Fetches the TSS that IRET returns to: the link of the present one, which must be busy (#TS otherwise).</summary>
    public static bool TryFetchLinked(CpuState* cpu, out TaskSegment task)
    {
        task = default;
        if (!GuestAccess.ReadSystem(cpu, cpu->Segments[Seg.Tr].Base, out ushort selector)) return false;
        uint error = GuestFault.ErrorCode(selector);
        if ((selector & TableIndicator) != 0) return GuestFault.InvalidTss(cpu, error);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.TS, 0, out SegmentDescriptor descriptor, out ulong address))
            return false;
        if (!descriptor.IsSystem(DescriptorType.TssBusy) && !descriptor.IsSystem(DescriptorType.Tss16Busy))
            return GuestFault.InvalidTss(cpu, error);
        if (!descriptor.Present) return GuestFault.NotPresent(cpu, error);
        task = new TaskSegment(selector, descriptor, address);
        return true;
    }

    /// <summary>Switches to a task that one of the fetch methods has found.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="task">The new task.</param>
    /// <param name="source">What causes the switch.</param>
    /// <param name="returnRip">EIP to save in the old task.</param>
    /// <param name="savedFlags">EFLAGS to save in the old task.</param>
    /// <param name="external">The error codes' EXT bit.</param>
    public static TransferOutcome Run(
        CpuState* cpu, TaskSegment task, TaskSwitchSource source, ulong returnRip, ulong savedFlags, uint external)
    {
        uint minimum = task.Is32 ? TaskImage.MinimumLimit32 : TaskImage.MinimumLimit16;
        if (task.Descriptor.Limit < minimum)
        {
            GuestFault.InvalidTss(cpu, GuestFault.ErrorCode(task.Selector, external));
            return TransferOutcome.Fault;
        }

        ulong tss = task.Descriptor.Base;
        if (!TaskImage.TryRead(cpu, tss, task.Is32, out TaskImage image)) return TransferOutcome.Fault;
        if (!TrySave(cpu, task, source, returnRip, savedFlags)) return TransferOutcome.Fault;

        // From here on the new task has begun.
        uint flags = image.EFlags | (source == TaskSwitchSource.Nested ? (uint)Rflags.NT : 0);
        SegmentDescriptor busy = new(task.Descriptor.Raw | SegmentDescriptor.BusyBit);
        SegmentLoad.Store(cpu, Seg.Tr, task.Selector, busy);
        cpu->Cr0 |= Cr0.TS;
        cpu->Dr7 &= ~Dr7.LocalEnables;
        cpu->Rip = image.Rip;
        Flags.SetRflags(cpu, flags);
        for (int i = 0; i < 8; i++) cpu->Gpr[i] = image.Gpr[i];
        LoadSelectors(cpu, image);
        ModeChange.Apply(cpu);
        bool loaded = TryLoadPaging(cpu, task, image) && TryLoadSegments(cpu, image, external);
        ModeChange.Apply(cpu);
        if (!loaded) return TransferOutcome.FaultInNewTask;
        if (image.DebugTrap) cpu->PendingDebug |= Dr6.BT;
        return TransferOutcome.Done;
    }

    /// <summary>The last check of a task switch: EIP inside the new code segment.</summary>
    public static bool TryCheckEntry(CpuState* cpu, uint external) =>
        cpu->Rip <= cpu->Segments[Seg.Cs].Limit || GuestFault.GeneralProtection(cpu, external);

    private static bool TrySave(CpuState* cpu, TaskSegment task, TaskSwitchSource source, ulong returnRip, ulong savedFlags)
    {
        ref SegmentCache old = ref cpu->Segments[Seg.Tr];
        bool is32 = (old.Access & 8) != 0;
        ulong oldTss = old.Base;
        bool nested = source == TaskSwitchSource.Nested;
        TaskImage.SavedRange(is32, out uint offset, out int size);
        if (!GuestAccess.ProbeWriteSystem(cpu, oldTss + offset, size)) return false;
        if (nested && !GuestAccess.ProbeWriteSystem(cpu, task.Descriptor.Base, 2)) return false;
        if (!DescriptorTables.TryFetch(
            cpu, (ushort)old.Selector, ExceptionVector.TS, 0, out _, out ulong oldAddress))
        {
            return false;
        }

        if (!GuestAccess.ProbeWriteSystem(cpu, oldAddress, 8) || !GuestAccess.ProbeWriteSystem(cpu, task.Address, 8)) return false;

        ulong flags = source == TaskSwitchSource.Return ? savedFlags & ~Rflags.NT : savedFlags;
        TaskImage image = TaskImage.Capture(cpu, is32, returnRip, flags);
        if (!image.TryWrite(cpu, oldTss)) return false;
        if (nested && !GuestAccess.WriteSystem(cpu, task.Descriptor.Base, (ushort)old.Selector)) return false;
        if (!nested && !DescriptorTables.TrySetBusy(cpu, oldAddress, busy: false)) return false;
        return source == TaskSwitchSource.Return || DescriptorTables.TrySetBusy(cpu, task.Address, busy: true);
    }

    private static void LoadSelectors(CpuState* cpu, in TaskImage image)
    {
        bool virtual8086 = (cpu->SystemFlags & Rflags.VM) != 0;
        cpu->Cpl = virtual8086 ? 3 : image.Selectors[Seg.Cs] & 3u;
        for (int number = Seg.Es; number <= Seg.Gs; number++)
        {
            ushort selector = image.Selectors[number];
            if (virtual8086) SegmentLoad.StoreParagraph(cpu, number, selector, virtual8086: true);
            else SegmentLoad.StoreNull(cpu, number, selector, cpu->Cpl);
        }

        SegmentLoad.StoreNull(cpu, Seg.Ldtr, image.Ldt, 0);
    }

    private static bool TryLoadPaging(CpuState* cpu, TaskSegment task, in TaskImage image)
    {
        if (!task.Is32 || (cpu->Cr0 & Cr0.PG) == 0) return true;
        SoftMmu mmu = SoftMmu.Of(cpu);
        if ((cpu->Cr4 & Cr4.PAE) != 0 && !mmu.TryLoadPdptes(image.Cr3)) return GuestFault.GeneralProtection(cpu, 0);
        mmu.LoadCr3(image.Cr3, keepTranslations: false);
        return true;
    }

    private static bool TryLoadSegments(CpuState* cpu, in TaskImage image, uint external)
    {
        if (!TryLoadLdt(cpu, image.Ldt, external)) return false;
        if ((cpu->SystemFlags & Rflags.VM) != 0) return true;
        if (!TryLoadCode(cpu, image.Selectors[Seg.Cs], external)) return false;
        ushort stackSelector = image.Selectors[Seg.Ss];
        if (!SegmentLoad.TryCheckStackAt(cpu, stackSelector, cpu->Cpl, ExceptionVector.TS, external, out SegmentDescriptor stack))
            return false;
        SegmentLoad.Store(cpu, Seg.Ss, stackSelector, stack);
        for (int number = Seg.Es; number <= Seg.Gs; number++)
        {
            if (number is Seg.Cs or Seg.Ss) continue;
            ushort selector = image.Selectors[number];
            if (!SegmentLoad.TryCheckData(cpu, selector, cpu->Cpl, ExceptionVector.TS, external, out SegmentDescriptor data)) return false;
            if (!DescriptorRules.IsNull(selector)) SegmentLoad.Store(cpu, number, selector, data);
        }

        return true;
    }

    private static bool TryLoadLdt(CpuState* cpu, ushort selector, uint external)
    {
        if (DescriptorRules.IsNull(selector)) return true;
        uint error = GuestFault.ErrorCode(selector, external);
        if ((selector & TableIndicator) != 0) return GuestFault.InvalidTss(cpu, error);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.TS, external, out SegmentDescriptor ldt, out _)) return false;
        if (!ldt.IsSystem(DescriptorType.Ldt) || !ldt.Present) return GuestFault.InvalidTss(cpu, error);
        SegmentLoad.Store(cpu, Seg.Ldtr, selector, ldt);
        return true;
    }

    private static bool TryLoadCode(CpuState* cpu, ushort selector, uint external)
    {
        uint error = GuestFault.ErrorCode(selector, external);
        if (DescriptorRules.IsNull(selector)) return GuestFault.InvalidTss(cpu, error);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.TS, external, out SegmentDescriptor code, out ulong address))
            return false;
        uint rpl = selector & 3u;
        if (!code.IsCode || (code.IsConforming() ? code.Dpl > rpl : code.Dpl != rpl)) return GuestFault.InvalidTss(cpu, error);
        if (!code.Present) return GuestFault.NotPresent(cpu, error);
        if (!DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
        SegmentLoad.Store(cpu, Seg.Cs, selector, code);
        return true;
    }
}
