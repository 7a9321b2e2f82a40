using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>The MMUs that the software CPU can be built with.</summary>
internal static class MmuModes
{
    /// <summary>Theory data: each mode.</summary>
    public static TheoryData<MmuMode> All => [MmuMode.Shadow, MmuMode.TwoDimensional];

    /// <summary>Theory data: each mode with each engine.</summary>
    public static TheoryData<MmuMode, SoftwareEngine> WithEngines => new()
    {
        { MmuMode.Shadow, SoftwareEngine.Interpreter },
        { MmuMode.TwoDimensional, SoftwareEngine.Interpreter },
        { MmuMode.Shadow, SoftwareEngine.Translator },
        { MmuMode.TwoDimensional, SoftwareEngine.Translator },
    };

    /// <summary>An accelerator with that MMU and engine.</summary>
    public static SoftwareAccelerator Create(MmuMode mode, SoftwareEngine engine) => SoftwareAccelerator.Create(new SoftwareOptions { Mmu = mode, Engine = engine });

    /// <summary>A machine's configuration with that MMU and engine.</summary>
    public static MachineConfig Configure(MmuMode mode, SoftwareEngine engine, MachineConfig config) => config with { Software = new SoftwareOptions { Mmu = mode, Engine = engine } };
}
