using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>The end of an instruction that raised an unmasked SIMD floating-point exception.</summary>
internal static unsafe class SimdException
{
    // SAFETY: touches the running vCPU's own state.

    /// <summary>
    /// Sets the flags in MXCSR and raises #XM, or #UD where CR4.OSXMMEXCPT is clear; the destination keeps its value.
    /// </summary>
    public static Op* Raise(CpuState* cpu, Op* op, in FpEnvironment environment)
    {
        cpu->Mxcsr |= environment.MxcsrFlags;
        return (cpu->Cr4 & Cr4.OSXMMEXCPT) != 0
            ? Faults.Raise(cpu, op, ExceptionVector.XM)
            : Faults.InvalidOpcode(cpu, op);
    }
}
