using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class ConfigCheckTests
{
    private const ulong Plenty = 128UL << 30;

    [Theory]
    [InlineData(0ul, Plenty, "0 bytes")]
    [InlineData(511ul, Plenty, "multiple of 4096")]
    [InlineData((512ul << 20) + 1, Plenty, "multiple of 4096")]
    [InlineData(4096ul, Plenty, "1 MiB to 64 GiB")]
    [InlineData((64ul << 30) + 4096, Plenty, "1 MiB to 64 GiB")]
    [InlineData(0xFFFF_FFFF_FFFF_F000ul, Plenty, "1 MiB to 64 GiB")]
    [InlineData(2ul << 30, 1ul << 30, "1 GiB that the host has", ErrorKind.Host)]
    public void ImpossibleMemoryIsRefused(ulong bytes, ulong available, string named, ErrorKind kind = ErrorKind.User)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => ConfigCheck.Memory(bytes, available));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(named, error.What + error.Why, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
    }

    [Theory]
    [InlineData(1ul << 20, null)]
    [InlineData(512ul << 20, 512ul << 20)]
    [InlineData(64ul << 30, 65ul << 30)]
    public void PossibleMemoryIsAccepted(ulong bytes, ulong? available) => ConfigCheck.Memory(bytes, available);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(9)]
    public void ImpossibleCpuCountsAreRefused(int cpus)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => Config(cpus).Check());
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains("1 to 8", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreCpusThanTheAcceleratorHasAreRefused()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => ConfigCheck.Cpus(5, 4, "soft"));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains("1 to 4", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void ShadowPageTablesAreForOneCpu()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => (Config(2) with { Software = new SoftwareOptions { Mmu = MmuMode.Shadow } }).Check());
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Equal(ErrorCode.ConfigShadowCpus, error.Code);
        (Config(1) with { Software = new SoftwareOptions { Mmu = MmuMode.Shadow } }).Check();
        (Config(8) with { Software = new SoftwareOptions { Mmu = MmuMode.TwoDimensional } }).Check();
    }

    [Fact]
    public void AnUnknownCpuModelNamesTheKnownOnes()
    {
        MachineConfig config = Config(1) with { CpuModel = "pentium" };
        VitrineException error = Assert.Throws<VitrineException>(() => VirtualMachine.Create(config));
        Assert.Contains("pentium", error.What, StringComparison.Ordinal);
        Assert.Contains("x86-64-v1", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("x86-64-v2", error.Remedy, StringComparison.Ordinal);
    }

    // Layout of proc(5), /proc/meminfo.
    [Theory]
    [InlineData("MemTotal:       16316412 kB\nMemAvailable:    8000000 kB\nBuffers: 1 kB", 8_192_000_000ul)]
    [InlineData("MemAvailable:\t12 kB", 12_288ul)]
    [InlineData("MemTotal: 16316412 kB", null)]
    [InlineData("MemAvailable: unknown kB", null)]
    [InlineData("", null)]
    public void AvailableMemoryIsRead(string text, ulong? bytes) => Assert.Equal(bytes, HostMemory.Parse(text.Split('\n')));

    private static MachineConfig Config(int cpus) => new()
    {
        Boot = new BootSource.FlatBytes(new byte[] { 0xF4 }, new Gpa(0x8000), 0x8000, FlatMode.Real),
        MemoryBytes = 1 << 20,
        Cpus = cpus,
    };
}
