using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.System;

/// <summary>What has to follow a change of the registers that the mode is made of.</summary>
internal static unsafe class ModeChange
{
    // SAFETY: takes the vCPU's own state.

    /// <summary>
    /// Recomputes <see cref="CpuState.Mode"/>, the bounds of all segments, and which TLB is in use. Call after a change of
    /// CR0, CR3 (through <see cref="SoftMmu.LoadCr3"/>), CR4, XCR0, EFER, any segment register, CPL, DR7, or RFLAGS.VM and AC.
    /// </summary>
    public static void Apply(CpuState* cpu)
    {
        CpuModes.Derive(cpu);
        SoftMmu.Of(cpu).RefreshMode();
    }
}
