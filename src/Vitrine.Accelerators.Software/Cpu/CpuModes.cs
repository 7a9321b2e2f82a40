using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>What follows from control registers, CS, SS, CPL and RFLAGS together.</summary>
internal static unsafe class CpuModes
{
    // SAFETY: takes the vCPU's own state.

    /// <summary>Recomputes <see cref="CpuState.Mode"/> and the bounds of all segments. The MMU has to follow, see <see cref="System.ModeChange"/>.</summary>
    public static void Derive(CpuState* cpu)
    {
        bool isProtected = (cpu->Cr0 & Cr0.PE) != 0;
        bool vm86 = isProtected && (cpu->SystemFlags & Rflags.VM) != 0;
        bool longMode = (cpu->Efer & Efer.LMA) != 0;
        uint code = cpu->Segments[Seg.Cs].Access;
        ExecutionMode mode = cpu->Mode & ExecutionMode.SingleStep;
        if (isProtected) mode |= ExecutionMode.Protected;
        if (vm86) mode |= ExecutionMode.Virtual8086;
        if (longMode) mode |= ExecutionMode.LongMode;
        if (longMode && (code & 0x2000) != 0) mode |= ExecutionMode.Code64;
        else if ((code & 0x4000) != 0) mode |= ExecutionMode.Code32;
        if ((cpu->Segments[Seg.Ss].Access & 0x4000) != 0 && (mode & ExecutionMode.Code64) == 0) mode |= ExecutionMode.Stack32;
        if ((cpu->Cr0 & (Cr0.EM | Cr0.TS)) != 0) mode |= ExecutionMode.FpuTrap;
        if ((cpu->Cr0 & (Cr0.EM | Cr0.TS)) != 0 || (cpu->Cr4 & Cr4.OSFXSR) == 0) mode |= ExecutionMode.SseTrap;
        if ((cpu->Cr0 & Cr0.TS) != 0 || !IsAvxEnabled(cpu, isProtected && !vm86)) mode |= ExecutionMode.AvxTrap;
        if (cpu->Cpl == 3) mode |= ExecutionMode.User;
        if (cpu->ForeignWrites && (cpu->Cr0 & Cr0.PG) == 0) mode |= ExecutionMode.SelfChecking;
        if (cpu->Translates)
        {
            mode |= FloatTraps(cpu);
            if ((mode & ExecutionMode.Code64) == 0 && isProtected && !vm86 && IsFlat(cpu)) mode |= ExecutionMode.Flat;
        }

        // In 64-bit code all bounds are empty, whatever is loaded: a system call need not look at eight segments.
        bool stays64 = (cpu->Mode & mode & ExecutionMode.Code64) != 0;
        cpu->Mode = mode;
        for (int i = 0; i < Seg.Count && !stays64; i++) SegmentFile.Refresh(ref cpu->Segments[i], mode);
    }

    /// <summary>True in the modes whose code can be translated: 64-bit code, and 32-bit code in flat segments.</summary>
    public static bool IsTranslated(ExecutionMode mode) => (mode & (ExecutionMode.Code64 | ExecutionMode.Flat)) != 0;

    /// <summary>The part of the mode that MXCSR and the x87 control and status words make.</summary>
    public static ExecutionMode FloatTraps(CpuState* cpu)
    {
        const uint MxcsrMasks = 0x1F80;
        const uint X87Masks = 0x3F;
        ExecutionMode mode = ExecutionMode.None;
        if ((~cpu->Mxcsr & MxcsrMasks) != 0) mode |= ExecutionMode.FloatTraps;
        if ((~(uint)cpu->Fcw & X87Masks) != 0) mode |= ExecutionMode.X87Traps;
        return mode;
    }

    // CS, DS, ES and SS: base 0, 4 GiB, present, of the right type, with 32-bit code and stack.
    private static bool IsFlat(CpuState* cpu)
    {
        const uint Big = 0x4000;
        const uint Present = 0x80;
        const uint ExpandDownOrCode = 0xC;
        const uint Writable = 2;
        foreach (int number in (ReadOnlySpan<int>)[Seg.Es, Seg.Cs, Seg.Ss, Seg.Ds])
        {
            ref SegmentCache segment = ref cpu->Segments[number];
            bool code = number == Seg.Cs;
            if (segment.Base != 0 || segment.Limit != uint.MaxValue || (segment.Access & (Present | SegmentRegister.UnusableBit)) != Present) return false;
            if (!code && (segment.Access & (ExpandDownOrCode | Writable)) != Writable) return false;
            if (number is Seg.Cs or Seg.Ss && (segment.Access & Big) == 0) return false;
        }

        return true;
    }

    /// <summary>True when VEX-encoded SIMD doesn't raise #UD for the state of control registers (SDM vol. 1, 14.1.1 and 14.3).</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="isProtected">Protected mode, and not virtual-8086.</param>
    public static bool IsAvxEnabled(CpuState* cpu, bool isProtected)
    {
        const ulong SseAndAvx = XsaveLayout.Sse | XsaveLayout.Avx;
        return isProtected && (cpu->Cr4 & Cr4.OSXSAVE) != 0 && (cpu->Xcr0 & SseAndAvx) == SseAndAvx;
    }
}
