using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>An interrupt or exception to deliver.</summary>
/// <param name="Vector">Its vector.</param>
/// <param name="Kind">Where it comes from.</param>
/// <param name="HasErrorCode">True when <paramref name="ErrorCode"/> is pushed (not in real mode).</param>
/// <param name="ErrorCode">The error code.</param>
internal readonly record struct GuestEvent(byte Vector, EventKind Kind, bool HasErrorCode, uint ErrorCode)
{
    /// <summary>INT n, INT3 and INTO: the gate's DPL is checked and EXT stays clear.</summary>
    public bool IsSoftware => Kind is EventKind.SoftwareInterrupt or EventKind.SoftwareException;

    /// <summary>#DB, also by INT1. An interrupt may have the same vector.</summary>
    public bool IsDebugException =>
        Vector == ExceptionVector.DB && Kind is EventKind.Fault or EventKind.Trap or EventKind.PrivilegedSoftwareException;

    /// <summary>The EXT bit of error codes that arise in delivery.</summary>
    public uint External => IsSoftware ? 0 : GuestFault.External;

    /// <summary>Error code for a fault in the event's gate.</summary>
    public uint GateError => (Vector * 8u) | GuestFault.Idt | External;

    /// <summary>RFLAGS as pushed (SDM vol. 3, 19.3.1.1 for RF).</summary>
    public unsafe ulong PushedFlags(CpuState* cpu)
    {
        // SAFETY: reads the running vCPU's state.
        ulong flags = Flags.GetRflags(cpu);
        if (Kind == EventKind.Fault && Vector != ExceptionVector.DF) return flags | Rflags.RF;
        return IsSoftware || Kind == EventKind.PrivilegedSoftwareException ? flags & ~Rflags.RF : flags;
    }
}
