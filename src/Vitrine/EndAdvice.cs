using Vitrine.Accelerators.Software;

namespace Vitrine;

/// <summary>
/// What a <see cref="VmEnd.Report"/> advises to try, as settings of <see cref="MachineConfig"/>, for a program that has words of its own for them.
/// </summary>
public sealed record EndAdvice
{
    /// <summary>The accelerator to try; null where it doesn't matter.</summary>
    public AcceleratorChoice? Accelerator { get; init; }

    /// <summary>The largest CPU model that lacks what failed; null where there is none, or where it doesn't matter.</summary>
    public string? CpuModel { get; init; }

    /// <summary>The engine of the software CPU to try; null where it doesn't matter.</summary>
    public SoftwareEngine? Engine { get; init; }

    /// <summary>Give the guest less memory.</summary>
    public bool LessMemory { get; init; }
}
