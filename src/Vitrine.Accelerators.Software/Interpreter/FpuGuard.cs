using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>What x87, MMX and SSE instructions are bound to where control registers forbid them (SDM vol. 3, 2.5; vol. 2, exception classes).</summary>
internal static unsafe class FpuGuard
{
    // SAFETY: reads the running vCPU's state.

    /// <summary>x87 with CR0.EM or CR0.TS: #NM.</summary>
    public static Op* X87NotAvailable(CpuState* cpu, Op* op) => Faults.DeviceNotAvailable(cpu, op);

    /// <summary>MMX: #UD with CR0.EM, #NM with CR0.TS.</summary>
    public static Op* MmxNotAvailable(CpuState* cpu, Op* op) =>
        (cpu->Cr0 & Cr0.EM) != 0 ? Faults.InvalidOpcode(cpu, op) : Faults.DeviceNotAvailable(cpu, op);

    /// <summary>SSE: #UD with CR0.EM or without CR4.OSFXSR, else #NM with CR0.TS.</summary>
    public static Op* SseNotAvailable(CpuState* cpu, Op* op) =>
        (cpu->Cr0 & Cr0.EM) != 0 || (cpu->Cr4 & Cr4.OSFXSR) == 0
            ? Faults.InvalidOpcode(cpu, op)
            : Faults.DeviceNotAvailable(cpu, op);

    /// <summary>VEX-encoded SIMD: #UD where it is not enabled, else #NM with CR0.TS.</summary>
    public static Op* AvxNotAvailable(CpuState* cpu, Op* op)
    {
        const ExecutionMode Modes = ExecutionMode.Protected | ExecutionMode.Virtual8086;
        return CpuModes.IsAvxEnabled(cpu, (cpu->Mode & Modes) == ExecutionMode.Protected)
            ? Faults.DeviceNotAvailable(cpu, op)
            : Faults.InvalidOpcode(cpu, op);
    }
}
