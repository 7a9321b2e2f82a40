using System.Buffers.Binary;
using Vitrine.Boot;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

/// <summary>What kernels trust in the BIOS data area of a PC (its words are listed in IBM's technical reference of the AT, section 5).</summary>
public sealed class LegacyBiosAreaTests
{
    private const ulong Data = 0x400;
    private const ulong Ebda = 0x9_FC00;

    [Theory]
    [InlineData("flat")]
    [InlineData("bzImage")]
    [InlineData("PVH")]
    [InlineData("Multiboot")]
    public void TheDataAreaAgreesWithTheMemoryMap(string kind)
    {
        using TempFile file = new(kind switch
        {
            "bzImage" => new BzImageBuilder().Build(),
            "PVH" => TestKernels.Pvh(),
            "Multiboot" => TestKernels.MultibootElf(),
            _ => [0xF4],
        });
        BootSource source = kind == "flat" ? new BootSource.Flat(file.Path, new(0x8000), 0x8000, FlatMode.Real) : new BootSource.Kernel(file.Path);
        using TestMachine machine = new TestMachine(64 << 20, source).Load();
        Assert.Equal(Ebda, (ulong)Word(machine, 0x0E) << 4);
        Assert.Equal(Ebda, (ulong)Word(machine, 0x13) << 10);
        Assert.Equal(1, machine.Read(Ebda, 1)[0]);
        Assert.Equal((0x3F8, 0), (Word(machine, 0x00), Word(machine, 0x02)));
        Assert.Equal(0x0202, Word(machine, 0x10));
        Assert.Equal((0x1E, 0x1E, 0x1E, 0x3E), (Word(machine, 0x1A), Word(machine, 0x1C), Word(machine, 0x80), Word(machine, 0x82)));
        Assert.Equal(0, Word(machine, 0x72));

        // The reserved range begins with the EBDA, and the memory below it is what the data area says.
        ulong info = machine.Cpu.Gpr[kind == "bzImage" ? Gpr.Rsi : Gpr.Rbx];
        (ulong start, ulong length)? first = kind switch
        {
            "bzImage" => (machine.Read64(info + 0x2D0), machine.Read64(info + 0x2D8)),
            "PVH" => (machine.Read64(machine.Read64(info + 40)), machine.Read64(machine.Read64(info + 40) + 8)),
            "Multiboot" => (0, machine.Read32(info + 4) * 1024UL),
            _ => null,
        };
        if (first is not null) Assert.Equal((0UL, Ebda), first);
    }

    /// <summary>A boot sector or a kernel that is loaded to these addresses gets them.</summary>
    [Fact]
    public void CodeThatWantsThePlaceTakesIt()
    {
        byte[] code = BzImageBuilder.Pattern(0x600);
        using TempFile file = new(code);
        using TestMachine machine = new TestMachine(1 << 20, new BootSource.Flat(file.Path, new(0), 0, FlatMode.Real)).Load();
        Assert.Equal(code, machine.Read(0, code.Length));
    }

    [Fact]
    public void FirmwareFindsNothing()
    {
        using TempFile file = new(new byte[4096]);
        using TestMachine machine = new TestMachine(1 << 20, new BootSource.Firmware(file.Path)).Load();
        Assert.Equal(new byte[0x600], machine.Read(0, 0x600));
        Assert.Equal(new byte[16], machine.Read(0xF_FFF0, 16));
    }

    private static int Word(TestMachine machine, ulong offset) => BinaryPrimitives.ReadUInt16LittleEndian(machine.Read(Data + offset, 2));
}
