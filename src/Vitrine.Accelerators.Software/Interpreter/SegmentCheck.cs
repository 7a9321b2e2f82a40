using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>The segment checks that the fast compare of <see cref="LegacyAddress"/> leaves open (SDM vol. 3, 6.3 "Limit Checking", 6.4 "Type Checking").</summary>
internal static unsafe class SegmentCheck
{
    // SAFETY: takes the vCPU's own state; segment numbers are below Seg.Count.

    /// <summary>
    /// Decides an access that the bounds of the segment did not allow at once, and forms its linear address.
    /// Records #GP(0), or #SS(0) for the stack segment.
    /// </summary>
    public static bool Slow(CpuState* cpu, int number, ulong offset, int size, bool write, out ulong linear)
    {
        ref SegmentCache segment = ref cpu->Segments[number];
        if ((cpu->Mode & ExecutionMode.Code64) != 0)
        {
            // A 32-bit address size in 64-bit code: only FS and GS have a base, and there are no limits.
            linear = offset + (number >= Seg.Fs ? segment.Base : 0);
            return true;
        }

        linear = (uint)(segment.Base + offset);
        uint access = segment.Access;
        bool realOrVm86 = (cpu->Mode & ExecutionMode.Protected) == 0 || (cpu->Mode & ExecutionMode.Virtual8086) != 0;
        bool code = (access & 8) != 0;
        bool usable = (access & SegmentRegister.UnusableBit) == 0 && (access & 0x80) != 0;
        bool typeAllows = realOrVm86 || (write ? !code && (access & 2) != 0 : !code || (access & 2) != 0);
        if (usable && typeAllows && !code && (access & 4) != 0)
        {
            // Expand-down: valid offsets are above the limit, up to 64 KiB or 4 GiB.
            ulong top = (access & 0x4000) != 0 ? 0x1_0000_0000UL : 0x1_0000;
            if (offset > segment.Limit && offset + (ulong)size <= top) return true;
        }

        cpu->SetFault(number == Seg.Ss ? ExceptionVector.SS : ExceptionVector.GP, 0);
        return false;
    }
}
