using System.Collections.Immutable;

namespace Vitrine.Accelerators.Parts;

/// <summary>
/// What a debugger outside the guest wants of a vCPU (KVM_SET_GUEST_DEBUG). <see cref="IVirtualCpu.Run"/> then returns <see cref="VmExitReason.Debug"/>: with
/// <see cref="VmExit.Vector"/> 1 for steps and hardware breakpoints, 3 for INT3; the guest hears nothing of it.
/// </summary>
public sealed record VcpuDebugging
{
    /// <summary>Comes back behind each instruction.</summary>
    public bool SingleStep { get; init; }

    /// <summary>INT3 comes back, with RIP at it, instead of raising #BP.</summary>
    public bool SoftwareBreakpoints { get; init; }

    /// <summary>
    /// The debugger's own breakpoints, of <see cref="Addresses"/> and <see cref="Dr7"/>, stand in place of the guest's: as long as they do, the guest's are kept
    /// and have no effect.
    /// </summary>
    public bool HardwareBreakpoints { get; init; }

    /// <summary>The debugger's DR0 to DR3.</summary>
    public ImmutableArray<ulong> Addresses { get; init; } = [0, 0, 0, 0];

    /// <summary>The debugger's DR7.</summary>
    public ulong Dr7 { get; init; } = 0x400;

    /// <summary>While it is stepped, no interrupt is delivered (KVM_GUESTDBG_BLOCKIRQ).</summary>
    public bool BlockInterrupts { get; init; }

    /// <summary>The next run begins with #DB in the guest.</summary>
    public bool InjectDebugException { get; init; }

    /// <summary>The next run begins with #BP in the guest.</summary>
    public bool InjectBreakpoint { get; init; }
}
