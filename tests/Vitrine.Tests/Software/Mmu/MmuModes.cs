using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>The MMUs that the software CPU can be built with.</summary>
internal static class MmuModes
{
    /// <summary>Theory data: each mode.</summary>
    public static TheoryData<MmuMode> All => [MmuMode.Shadow, MmuMode.Nested];

    /// <summary>An accelerator with that MMU.</summary>
    public static SoftwareAccelerator Create(MmuMode mode) => SoftwareAccelerator.Create(new SoftwareOptions { Mmu = mode });

    /// <summary>A machine's configuration with that MMU.</summary>
    public static MachineConfig Configure(MmuMode mode, MachineConfig config) => config with { Mmu = mode };
}
