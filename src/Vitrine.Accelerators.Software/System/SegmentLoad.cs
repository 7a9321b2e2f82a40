using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Loads segment registers (SDM vol. 2, MOV; vol. 3, 5.5 "Privilege Levels", 21.1.1 for real mode).</summary>
internal static unsafe class SegmentLoad
{
    // SAFETY: takes the running vCPU's state; segment numbers are below Seg.Count.
    private const uint RealModeData = 0x93;
    private const uint Virtual8086Data = 0xF3;

    /// <summary>True in real and virtual-8086 mode, where a selector is a paragraph.</summary>
    public static bool IsRealOrVirtual8086(CpuState* cpu) =>
        (cpu->Mode & (ExecutionMode.Protected | ExecutionMode.Virtual8086)) != ExecutionMode.Protected;

    /// <summary>Loads DS, ES, FS, GS or SS as the present mode demands.</summary>
    /// <returns>False when a fault is recorded; the register is then unchanged.</returns>
    public static bool TryLoad(CpuState* cpu, int number, ushort selector)
    {
        if (IsRealOrVirtual8086(cpu))
        {
            StoreParagraph(cpu, number, selector, (cpu->Mode & ExecutionMode.Virtual8086) != 0);
            return true;
        }

        if (!(number == Seg.Ss
            ? TryCheckStack(cpu, selector, out SegmentDescriptor descriptor)
            : TryCheckData(cpu, selector, cpu->Cpl, ExceptionVector.GP, 0, out descriptor)))
        {
            return false;
        }

        if (DescriptorRules.IsNull(selector)) StoreNull(cpu, number, selector, cpu->Cpl);
        else Store(cpu, number, selector, descriptor);
        SegmentFile.Refresh(ref cpu->Segments[number], cpu->Mode);
        return true;
    }

    /// <summary>
    /// Checks a selector for DS, ES, FS or GS and sets the descriptor's accessed bit. A null selector passes.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="cpl">Privilege level to check against.</param>
    /// <param name="vector">#GP, or #TS in a task switch.</param>
    /// <param name="external">The error code's EXT bit.</param>
    /// <param name="descriptor">The descriptor.</param>
    public static bool TryCheckData(
        CpuState* cpu, ushort selector, uint cpl, byte vector, uint external, out SegmentDescriptor descriptor)
    {
        descriptor = default;
        if (DescriptorRules.IsNull(selector)) return true;
        if (!DescriptorTables.TryFetch(cpu, selector, vector, external, out descriptor, out ulong address)) return false;
        uint error = GuestFault.ErrorCode(selector, external);
        uint required = Math.Max(cpl, selector & 3u);
        if (!descriptor.IsReadable() || (!descriptor.IsConforming() && required > descriptor.Dpl))
            return GuestFault.Set(cpu, vector, error);
        if (!descriptor.Present) return GuestFault.NotPresent(cpu, error);
        return DescriptorTables.TryMarkAccessed(cpu, address, ref descriptor);
    }

    /// <summary>
    /// Checks a selector that becomes SS at privilege level <paramref name="cpl"/> and sets the descriptor's accessed bit.
    /// Null is refused.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="cpl">RPL and DPL must be equal to it.</param>
    /// <param name="vector">#GP, or #TS where the stack comes from a TSS.</param>
    /// <param name="external">The error code's EXT bit.</param>
    /// <param name="descriptor">The descriptor.</param>
    public static bool TryCheckStackAt(
        CpuState* cpu, ushort selector, uint cpl, byte vector, uint external, out SegmentDescriptor descriptor)
    {
        descriptor = default;
        uint error = GuestFault.ErrorCode(selector, external);
        if (DescriptorRules.IsNull(selector)) return GuestFault.Set(cpu, vector, error);
        if (!DescriptorTables.TryFetch(cpu, selector, vector, external, out descriptor, out ulong address)) return false;
        if ((selector & 3u) != cpl || descriptor.Dpl != cpl || !descriptor.IsWritableData())
            return GuestFault.Set(cpu, vector, error);
        if (!descriptor.Present) return GuestFault.Stack(cpu, error);
        return DescriptorTables.TryMarkAccessed(cpu, address, ref descriptor);
    }

    /// <summary>Fills a segment register from a checked descriptor. The caller refreshes the bounds.</summary>
    public static void Store(CpuState* cpu, int number, ushort selector, SegmentDescriptor descriptor)
    {
        ref SegmentCache segment = ref cpu->Segments[number];
        segment.Selector = selector;
        segment.Base = descriptor.Base;
        segment.Limit = descriptor.Limit;
        segment.Access = descriptor.Access;
    }

    /// <summary>
    /// Loads a null selector, as MOV, POP, LFS and task switches do. Intel processors clear the base, of FS and GS too. SS remembers the privilege level.
    /// </summary>
    public static void StoreNull(CpuState* cpu, int number, ushort selector, uint cpl)
    {
        ref SegmentCache segment = ref cpu->Segments[number];
        segment.Selector = selector;
        segment.Base = 0;
        segment.Limit = 0;
        segment.Access = SegmentRegister.UnusableBit | (number == Seg.Ss ? cpl << 5 : 0);
    }

    /// <summary>
    /// Makes a register null without loading it: only the selector changes, and what it refers to cannot be used any more. The hidden base stays,
    /// which 64-bit code sees in FS and GS (SDM vol. 2, IRET, "RETURN-TO-OUTER-PRIVILEGE-LEVEL", and INT n, "INTERRUPT-FROM-VIRTUAL-8086-MODE").
    /// </summary>
    public static void Nullify(CpuState* cpu, int number)
    {
        ref SegmentCache segment = ref cpu->Segments[number];
        segment.Selector = 0;
        segment.Access |= SegmentRegister.UnusableBit;
    }

    /// <summary>
    /// Loads a paragraph. Real mode keeps limit and attributes (which is what makes "unreal" mode), virtual-8086 mode
    /// forces them.
    /// </summary>
    public static void StoreParagraph(CpuState* cpu, int number, ushort selector, bool virtual8086)
    {
        ref SegmentCache segment = ref cpu->Segments[number];
        segment.Selector = selector;
        segment.Base = (ulong)selector << 4;
        if (virtual8086)
        {
            segment.Limit = 0xFFFF;
            segment.Access = Virtual8086Data;
        }
        else if ((segment.Access & SegmentRegister.UnusableBit) != 0 || (segment.Access & 0x80) == 0)
        {
            segment.Limit = 0xFFFF;
            segment.Access = RealModeData;
        }

        SegmentFile.Refresh(ref segment, virtual8086 ? ExecutionMode.Virtual8086 : ExecutionMode.None);
    }

    /// <summary>
    /// After a return to an outer level: data segments that are not accessible there become null, and null selectors lose their RPL
    /// (SDM vol. 2, RET and IRET).
    /// </summary>
    public static void DropInaccessible(CpuState* cpu)
    {
        for (int number = Seg.Es; number <= Seg.Gs; number++)
        {
            if (number is Seg.Cs or Seg.Ss) continue;
            ref SegmentCache segment = ref cpu->Segments[number];
            uint access = segment.Access;
            bool conforming = (access & (DescriptorType.Code | DescriptorType.Conforming)) == (DescriptorType.Code | DescriptorType.Conforming);
            bool inaccessible = !conforming && ((access >> 5) & 3) < cpu->Cpl;
            if (inaccessible || DescriptorRules.IsNull((ushort)segment.Selector)) Nullify(cpu, number);
        }
    }

    private static bool TryCheckStack(CpuState* cpu, ushort selector, out SegmentDescriptor descriptor)
    {
        if (!DescriptorRules.IsNull(selector))
            return TryCheckStackAt(cpu, selector, cpu->Cpl, ExceptionVector.GP, 0, out descriptor);
        descriptor = default;
        bool allowed = (cpu->Mode & ExecutionMode.Code64) != 0 && cpu->Cpl < 3 && (selector & 3u) == cpu->Cpl;
        return allowed || GuestFault.GeneralProtection(cpu, 0);
    }
}
