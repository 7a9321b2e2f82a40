using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>The width of the stack pointer, and the limit of the stack segment (SDM vol. 1, 6.2.3 "Address-Size Attributes for Stack Accesses").</summary>
internal static unsafe class StackPointer
{
    // SAFETY: takes the running vCPU's state.

    /// <summary>The bits of RSP that the present mode uses.</summary>
    public static ulong Mask(CpuState* cpu) =>
        (cpu->Mode & ExecutionMode.Code64) != 0 ? ulong.MaxValue : Mask(cpu->Segments[Seg.Ss].Access);

    /// <summary>The bits of ESP that a stack segment with the given access rights uses outside 64-bit mode.</summary>
    public static ulong Mask(uint access) => (access & 0x4000) != 0 ? uint.MaxValue : 0xFFFF;

    /// <summary>Sets the bits of RSP that <paramref name="mask"/> selects; a 32-bit stack pointer clears the upper half.</summary>
    public static void Set(CpuState* cpu, ulong mask, ulong value)
    {
        ulong kept = mask == 0xFFFF ? cpu->Gpr[Gpr.Rsp] & ~0xFFFFUL : 0;
        cpu->Gpr[Gpr.Rsp] = kept | (value & mask);
    }

    /// <summary>True when an access of <paramref name="size"/> bytes is inside the limit of a stack segment.</summary>
    public static bool IsInside(in SegmentCache stack, ulong offset, int size)
    {
        ulong last = offset + (ulong)size - 1;
        bool expandDown = (stack.Access & (DescriptorType.Code | DescriptorType.ExpandDown)) == DescriptorType.ExpandDown;
        return expandDown ? offset > stack.Limit && last <= Mask(stack.Access) : last <= stack.Limit;
    }
}
