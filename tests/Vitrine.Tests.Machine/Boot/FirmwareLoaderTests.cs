using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Memory;
using Xunit;

namespace Vitrine.Tests.Boot;

public sealed class FirmwareLoaderTests
{
    [Theory]
    [InlineData(4 << 10)]
    [InlineData(128 << 10)]
    [InlineData(256 << 10)]
    [InlineData(16 << 20)]
    public void EndsAtFourGigabytesAndAppearsBelowOneMegabyte(int size)
    {
        byte[] image = new byte[size];
        new Random(size).NextBytes(image);
        using TempFile file = new(image);
        using TestMachine machine = new TestMachine(64 << 20, new BootSource.Firmware(file.Path)).Load();
        Assert.Equal(image, machine.Read((1UL << 32) - (ulong)size, size));
        int low = Math.Min(size, 128 << 10);
        Assert.Equal(image[^low..], machine.Read((ulong)(0x10_0000 - low), low));

        MemorySlot rom = machine.Memory.Find(new((1UL << 32) - 16))!;
        MemorySlot alias = machine.Memory.Find(new(0xF_FFF0))!;
        Assert.True(rom.ReadOnly);
        Assert.Same(rom.Host, alias.Host);
        Assert.Equal(64UL << 20, machine.Memory.Slots.Where(s => s != rom && s != alias).Aggregate(0UL, (sum, s) => sum + s.Size) + alias.Size);
    }

    [Fact]
    public void TheProcessorStaysAtReset()
    {
        using TempFile file = new(new byte[4096]);
        using TestMachine machine = new(1 << 20, new BootSource.Firmware(file.Path));
        machine.Cpu.Rip = 0xFFF0;
        machine.Cpu.Cr0 = 0x6000_0010;
        machine.Load();
        Assert.Equal((0xFFF0UL, 0x6000_0010UL), (machine.Cpu.Rip, machine.Cpu.Cr0));
    }

    [Theory]
    [InlineData(4095, "4095 bytes")]
    [InlineData(4097, "4097 bytes")]
    [InlineData((16 << 20) + 4096, "16781312 bytes")]
    [InlineData(0, "empty")]
    public void AWrongSizeIsAUserError(int size, string says)
    {
        using TempFile file = new(new byte[size]);
        VitrineException error = Assert.Throws<VitrineException>(() => new TestMachine(1 << 20, new BootSource.Firmware(file.Path)));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(says, error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileNamesThePackage()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => new TestMachine(1 << 20, new BootSource.Firmware("/nonexistent/bios-256k.bin")));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains("/nonexistent/bios-256k.bin", error.What, StringComparison.Ordinal);
        Assert.Contains("seabios", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("/usr/share/seabios/bios-microvm.bin", error.Remedy, StringComparison.Ordinal);
        FileInfo advised = new("/usr/share/seabios/bios-microvm.bin");
        if (advised.Exists) Assert.Contains($"({advised.Length} bytes)", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void ReplacingTheFileWithAnotherSizeIsAUserError()
    {
        using TempFile file = new(new byte[8192]);
        using TestMachine machine = new(1 << 20, new BootSource.Firmware(file.Path));
        File.WriteAllBytes(file.Path, new byte[4096]);
        Assert.Contains("another size", Assert.Throws<VitrineException>(() => machine.Load()).What, StringComparison.Ordinal);
    }
}
