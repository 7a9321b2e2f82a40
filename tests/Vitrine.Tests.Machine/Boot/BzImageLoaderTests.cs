using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

public sealed class BzImageLoaderTests
{
    [Fact]
    public void EntersTheKernelByTheSixtyFourBitProtocol()
    {
        BzImageBuilder builder = new();
        using TempFile file = new(builder.Build());
        using TestMachine machine = Boot(file, 64 << 20, "console=ttyS0 quiet");
        ProcessorState cpu = machine.Cpu;
        ulong zeroPage = cpu.Gpr[Gpr.Rsi];

        // boot.rst, "64-bit boot protocol": entry at load address + 0x200, CS 0x10, DS/ES/SS 0x18, interrupts off, RSI.
        Assert.Equal(0x100_0200UL, cpu.Rip);
        Assert.Equal((0x10, 0x18, 0x18, 0x18), (cpu.Segments[Seg.Cs].Selector, cpu.Segments[Seg.Ds].Selector, cpu.Segments[Seg.Es].Selector, cpu.Segments[Seg.Ss].Selector));
        Assert.True(cpu.Segments[Seg.Cs].Long);
        Assert.Equal(0UL, cpu.Rflags & 0x200);
        Assert.Equal(builder.Code, machine.Read(0x100_0000, builder.Code.Length));

        Assert.Equal(0xFF, machine.Read(zeroPage + 0x210, 1)[0]);
        Assert.Equal(1, machine.Read(zeroPage + 0x211, 1)[0] & 1);
        Assert.Equal(0, machine.Read(zeroPage + 0x1EF, 1)[0]);
        Assert.Equal(0x100_0000u, machine.Read32(zeroPage + 0x214));
        Assert.Equal("console=ttyS0 quiet", machine.ReadString(machine.Read32(zeroPage + 0x228)));
        Assert.Equal(0u, machine.Read32(zeroPage + 0x21C));
        // The setup header is copied up to 0x202 + the byte at 0x201.
        Assert.Equal(builder.Build()[0x22C..0x26C], machine.Read(zeroPage + 0x22C, 0x40));
    }

    [Theory]
    [InlineData(64UL << 20)]
    [InlineData(3UL << 30)]
    [InlineData(5UL << 30)]
    public void E820CoversRamAndNothingElse(ulong memory)
    {
        using TempFile file = new(new BzImageBuilder().Build());
        using TestMachine machine = Boot(file, memory, "");
        ulong zeroPage = machine.Cpu.Gpr[Gpr.Rsi];
        int count = machine.Read(zeroPage + 0x1E8, 1)[0];
        ulong usable = 0;
        ulong previousEnd = 0;
        for (int i = 0; i < count; i++)
        {
            ulong entry = zeroPage + 0x2D0 + (ulong)i * 20;
            ulong start = machine.Read64(entry);
            ulong length = machine.Read64(entry + 8);
            Assert.True(start >= previousEnd);
            previousEnd = start + length;
            if (machine.Read32(entry + 16) != 1) continue;
            usable += length;
            Assert.NotNull(machine.Memory.Find(new(start)));
            Assert.NotNull(machine.Memory.Find(new(start + length - 1)));
            Assert.False(start < 0x10_0000 && start + length > 0x9_FC00, "the legacy hole is usable");
        }

        Assert.Equal(memory - (0x10_0000 - 0x9_FC00), usable);
    }

    [Theory]
    [InlineData(0x7FFF_FFFFu, 64UL << 20, 64UL << 20)]
    [InlineData(0x1FF_FFFFu, 64UL << 20, 32UL << 20)]
    [InlineData(0x7FFF_FFFFu, 4UL << 30, 0x8000_0000UL)]
    [InlineData(0xFFFF_FFFFu, 4UL << 30, 0xC000_0000UL)]
    public void TheInitrdLiesAsHighAsAllowed(uint max, ulong memory, ulong ceiling)
    {
        byte[] initrd = BzImageBuilder.Pattern(10_001);
        using TempFile file = new(new BzImageBuilder { InitrdAddrMax = max }.Build());
        using TempFile ramdisk = new(initrd);
        using TestMachine machine = Boot(file, memory, "", ramdisk.Path);
        ulong zeroPage = machine.Cpu.Gpr[Gpr.Rsi];
        ulong address = machine.Read32(zeroPage + 0x218);
        Assert.Equal((ulong)initrd.Length, machine.Read32(zeroPage + 0x21C));
        Assert.Equal(0UL, address & 0xFFF);
        Assert.InRange(ceiling - (address + (ulong)initrd.Length), 0UL, 0xFFFUL);
        Assert.Equal(initrd, machine.Read(address, initrd.Length));
    }

    [Fact]
    public void TheInitrdKeepsClearOfTheMemoryTheKernelUnpacksTo()
    {
        // 16 MiB + 15 MiB of init_size leaves 1 MiB of 32.
        using TempFile file = new(new BzImageBuilder { InitSize = 15 << 20 }.Build());
        using TempFile fits = new(new byte[1 << 20]);
        using TempFile tooBig = new(new byte[(1 << 20) + 1]);
        using (TestMachine machine = Boot(file, 32 << 20, "", fits.Path))
        {
            Assert.Equal(31u << 20, machine.Read32(machine.Cpu.Gpr[Gpr.Rsi] + 0x218));
        }

        Assert.Contains("no room for the initrd", Error(file, 32 << 20, "", tooBig.Path).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0UL, true, 0x20_0000UL)]
    [InlineData(0UL, false, 0x10_0000UL)]
    [InlineData(0x10_0000UL, true, 0x10_0000UL)]
    [InlineData(0x240_0000UL, true, 0x240_0000UL)]
    public void TheKernelGoesToItsPreferredAddress(ulong preferred, bool relocatable, ulong expected)
    {
        using TempFile file = new(new BzImageBuilder { PrefAddress = preferred, Relocatable = relocatable }.Build());
        using TestMachine machine = Boot(file, 64 << 20, "");
        Assert.Equal(expected + 0x200, machine.Cpu.Rip);
    }

    [Fact]
    public void ZeroSetupSectorsMeanFour()
    {
        BzImageBuilder builder = new() { SetupSects = 0 };
        using TempFile file = new(builder.Build());
        using TestMachine machine = Boot(file, 64 << 20, "");
        Assert.Equal(builder.Code, machine.Read(0x100_0000, builder.Code.Length));
    }

    [Fact]
    public void TheCommandLineLimitIsTheKernels()
    {
        using TempFile file = new(new BzImageBuilder { CmdlineSize = 10 }.Build());
        Boot(file, 64 << 20, "0123456789").Dispose();
        string what = Error(file, 64 << 20, "0123456789a").What;
        Assert.Contains("11 bytes", what, StringComparison.Ordinal);
        Assert.Contains("accepts 10", what, StringComparison.Ordinal);
        Assert.Contains("zero byte", Error(file, 64 << 20, "a\0b").What, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Unacceptable() => new()
    {
        { "no 64-bit entry", new BzImageBuilder { Version = 0x206 }.Build() },
        { "no 64-bit entry", new BzImageBuilder { XLoadFlags = 0 }.Build() },
        { "zImage", new BzImageBuilder { LoadFlags = 0 }.Build() },
        { "not possible", new BzImageBuilder { KernelAlignment = 3 }.Build() },
        { "not possible", new BzImageBuilder { PrefAddress = ulong.MaxValue }.Build() },
        { "no room for the kernel", new BzImageBuilder { InitSize = uint.MaxValue }.Build() },
        { "no room for the kernel", new BzImageBuilder { PrefAddress = 0x800_0000 }.Build() },
        { "truncated", new BzImageBuilder().Build()[..0x240] },
        { "truncated", new BzImageBuilder().Build()[..1024] },
        { "truncated", new BzImageBuilder().Build()[..^17] },
    };

    [Theory]
    [MemberData(nameof(Unacceptable))]
    public void WhatCannotWorkIsAUserError(string says, byte[] image)
    {
        using TempFile file = new(image);
        VitrineException error = Error(file, 64 << 20, "");
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(says, error.What, StringComparison.Ordinal);
    }

    private static TestMachine Boot(TempFile kernel, ulong memory, string commandLine, string? initrd = null) =>
        new TestMachine(memory, new BootSource.Kernel(kernel.Path) { CommandLine = commandLine, Initrd = initrd }).Load();

    private static VitrineException Error(TempFile kernel, ulong memory, string commandLine, string? initrd = null)
    {
        using TestMachine machine = new(memory, new BootSource.Kernel(kernel.Path) { CommandLine = commandLine, Initrd = initrd });
        return Assert.Throws<VitrineException>(() => machine.Load());
    }
}
