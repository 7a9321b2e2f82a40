using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.State;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>The end of an instruction that raised an unmasked SIMD floating-point exception.</summary>
internal static unsafe class SimdException
{
    // SAFETY: touches the running vCPU's own state.

    /// <summary>
    /// Sets the flags in MXCSR and raises #XM, or #UD where CR4.OSXMMEXCPT is clear; the destination keeps its value. When an
    /// exception found before the computation is unmasked, those found after it are not set (SDM vol. 1, 11.5.3).
    /// </summary>
    public static Op* Raise(CpuState* cpu, Op* op, in FpEnvironment environment)
    {
        int flags = environment.HasNoResult ? environment.Flags & FpFlags.PreComputation : environment.Flags;
        cpu->Mxcsr |= (uint)(flags & FpFlags.All);
        return (cpu->Cr4 & Cr4.OSXMMEXCPT) != 0
            ? Faults.Raise(cpu, op, ExceptionVector.XM)
            : Faults.InvalidOpcode(cpu, op);
    }
}
