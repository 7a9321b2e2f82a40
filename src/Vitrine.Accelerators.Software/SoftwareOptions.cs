using Vitrine.Accelerators.Mmu;

namespace Vitrine.Accelerators.Software;

/// <summary>What can be chosen about the software CPU.</summary>
public sealed record SoftwareOptions
{
    /// <summary>How it gets from linear addresses to host memory. The guest can't tell the difference.</summary>
    public MmuMode Mmu { get; init; } = MmuMode.Shadow;
}
