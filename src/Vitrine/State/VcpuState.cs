using Vitrine.Accelerators.Capture;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.State;

/// <summary>Everything that one vCPU holds between two instructions.</summary>
public sealed record VcpuState
{
    /// <summary>Registers, local APIC, events in flight.</summary>
    public required ProcessorState Registers { get; init; }

    /// <summary>What the accelerator holds beside them.</summary>
    public required HiddenVcpuState Hidden { get; init; }

    /// <summary>What CPUID answers. A machine that takes the state over must answer the same.</summary>
    public required IReadOnlyList<CpuidEntry> Cpuid { get; init; }
}
