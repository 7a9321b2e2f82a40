using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Far RET, and what IRET has in common with it (SDM vol. 2, RET and IRET).</summary>
internal static unsafe class FarReturn
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.

    /// <summary>RETF and RETF n.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="width">Operand size in bytes.</param>
    /// <param name="release">Bytes of parameters to release, on both stacks when the level changes.</param>
    /// <returns>False when a fault is recorded and nothing has changed.</returns>
    public static bool TryRun(CpuState* cpu, Op* op, int width, uint release)
    {
        PopFrame frame = new(cpu, op, width);
        if (!frame.TryPop(out ulong rip) || !frame.TryPop(out ulong cs)) return false;
        ushort selector = (ushort)cs;
        if (SegmentLoad.IsRealOrVirtual8086(cpu))
        {
            if (rip > cpu->Segments[Seg.Cs].Limit) return GuestFault.GeneralProtection(cpu, 0);
            SegmentLoad.StoreParagraph(cpu, Seg.Cs, selector, (cpu->Mode & ExecutionMode.Virtual8086) != 0);
            cpu->Rip = rip;
            StackPointer.Set(cpu, frame.Mask, frame.Pointer + release);
            ModeChange.Apply(cpu);
            return true;
        }

        if (!TryFetchCode(cpu, selector, out SegmentDescriptor code, out ulong address)) return false;
        uint level = selector & 3u;
        if (level == cpu->Cpl)
        {
            if (!FarTransfer.TryCheckOffset(cpu, code, rip)) return false;
            if (!DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
            SegmentLoad.Store(cpu, Seg.Cs, selector, code);
            cpu->Rip = rip;
            StackPointer.Set(cpu, frame.Mask, frame.Pointer + release);
            ModeChange.Apply(cpu);
            return true;
        }

        frame.Skip(release);
        if (!frame.TryPop(out ulong pointer) || !frame.TryPop(out ulong ss)) return false;
        if (!TryCheckReturnStack(cpu, (ushort)ss, level, code, out SegmentDescriptor stack)) return false;
        if (!FarTransfer.TryCheckOffset(cpu, code, rip)) return false;
        if (!DescriptorTables.TryMarkAccessed(cpu, address, ref code)) return false;
        SegmentLoad.Store(cpu, Seg.Cs, selector, code);
        cpu->Rip = rip;
        EnterOuter(cpu, (ushort)ss, stack, level, pointer, release);
        return true;
    }

    /// <summary>Checks the code segment of a return: not to an inner level, and of a fitting DPL.</summary>
    public static bool TryFetchCode(CpuState* cpu, ushort selector, out SegmentDescriptor code, out ulong address)
    {
        code = default;
        address = 0;
        if (DescriptorRules.IsNull(selector)) return GuestFault.GeneralProtection(cpu, 0);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.GP, 0, out code, out address)) return false;
        uint error = GuestFault.ErrorCode(selector);
        uint level = selector & 3u;
        bool allowed = code.IsCode && level >= cpu->Cpl && (code.IsConforming() ? code.Dpl <= level : code.Dpl == level);
        if (!allowed) return GuestFault.GeneralProtection(cpu, error);
        if ((cpu->Mode & ExecutionMode.LongMode) != 0 && code.Long && code.DefaultBig) return GuestFault.GeneralProtection(cpu, error);
        return code.Present || GuestFault.NotPresent(cpu, error);
    }

    /// <summary>
    /// Checks the stack segment of a return to <paramref name="level"/>. Null passes only into 64-bit code of a level other than 3.
    /// </summary>
    public static bool TryCheckReturnStack(
        CpuState* cpu, ushort selector, uint level, SegmentDescriptor code, out SegmentDescriptor stack)
    {
        stack = default;
        if (!DescriptorRules.IsNull(selector))
            return SegmentLoad.TryCheckStackAt(cpu, selector, level, ExceptionVector.GP, 0, out stack);
        bool allowed = (cpu->Mode & ExecutionMode.LongMode) != 0 && code.Long && level != 3 && (selector & 3u) == level;
        return allowed || GuestFault.GeneralProtection(cpu, 0);
    }

    /// <summary>Loads SS, RSP and CPL of an outer (or, for IRETQ, the same) level and drops what is not accessible there.</summary>
    public static void EnterOuter(CpuState* cpu, ushort selector, SegmentDescriptor stack, uint level, ulong pointer, uint release)
    {
        bool outward = level > cpu->Cpl;
        cpu->Cpl = level;
        if (DescriptorRules.IsNull(selector)) SegmentLoad.StoreNull(cpu, Seg.Ss, selector, level);
        else SegmentLoad.Store(cpu, Seg.Ss, selector, stack);
        if (outward) SegmentLoad.DropInaccessible(cpu);
        ModeChange.Apply(cpu);
        StackPointer.Set(cpu, StackPointer.Mask(cpu), pointer + release);
    }
}
