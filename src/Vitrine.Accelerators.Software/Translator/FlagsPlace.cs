namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Where the guest's arithmetic flags are at a point of a block.</summary>
internal enum FlagsPlace
{
    /// <summary>In the host's flags only.</summary>
    Host,

    /// <summary>In <see cref="Cpu.CpuState.PackedFlags"/> only.</summary>
    Memory,

    /// <summary>In both.</summary>
    Both,
}
