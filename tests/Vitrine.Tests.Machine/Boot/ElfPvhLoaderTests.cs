using System.Text;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

/// <summary>Checks the PVH boot ABI as Xen's docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h define it.</summary>
public sealed class ElfPvhLoaderTests
{
    [Theory]
    [InlineData(true, 8)]
    [InlineData(true, 4)]
    [InlineData(false, 4)]
    public void EntersTheKernelInProtectedMode(bool is64, int descriptorSize)
    {
        using TempFile file = new(TestKernels.Pvh(is64, descriptorSize));
        using TestMachine machine = Boot(file, 64 << 20, "console=ttyS0");
        ProcessorState cpu = machine.Cpu;
        Assert.Equal(0x100_0010UL, cpu.Rip);
        Assert.Equal(1UL, cpu.Cr0 & 0x8000_0001);
        Assert.Equal(0UL, cpu.Cr4);
        Assert.Equal(0UL, cpu.Rflags & (1 << 17 | 1 << 9 | 1 << 8));
        Assert.Equal((0UL, 0xFFFF_FFFFu, true), (cpu.Segments[Seg.Cs].Base, cpu.Segments[Seg.Cs].Limit, cpu.Segments[Seg.Cs].DefaultBig));
        Assert.Equal((0UL, 0x67u, 0x8Bu), (cpu.Segments[Seg.Tr].Base, cpu.Segments[Seg.Tr].Limit, cpu.Segments[Seg.Tr].Access));

        ulong info = cpu.Gpr[Gpr.Rbx];
        Assert.Equal(0x336E_C578u, machine.Read32(info));
        Assert.Equal(1u, machine.Read32(info + 4));
        Assert.Equal(0u, machine.Read32(info + 12));
        Assert.Equal("console=ttyS0", machine.ReadString(machine.Read64(info + 24)));
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(machine.Read(machine.Read64(info + 32), 8)));
        ulong map = machine.Read64(info + 40);
        uint count = machine.Read32(info + 48);
        ulong usable = 0;
        for (ulong i = 0; i < count; i++)
        {
            if (machine.Read32(map + i * 24 + 16) == 1) usable += machine.Read64(map + i * 24 + 8);
        }

        Assert.Equal((64UL << 20) - (0x10_0000 - 0x9_FC00), usable);
    }

    [Fact]
    public void SegmentsGoToTheirPhysicalAddressesAndTheRestIsZero()
    {
        using TempFile file = new(TestKernels.Pvh());
        using TestMachine machine = new(64 << 20, new BootSource.Kernel(file.Path));
        machine.Memory.TryWrite(new(0x100_0000), Enumerable.Repeat((byte)0xAA, 0x2001).ToArray());
        machine.Load();
        Assert.Equal(BzImageBuilder.Pattern(0x800), machine.Read(0x100_0000, 0x800));
        Assert.Equal(new byte[0x1800], machine.Read(0x100_0800, 0x1800));
        Assert.Equal(0xAA, machine.Read(0x100_2000, 1)[0]);
    }

    [Fact]
    public void TheInitrdIsTheFirstModule()
    {
        byte[] initrd = BzImageBuilder.Pattern(5000);
        using TempFile file = new(TestKernels.Pvh());
        using TempFile ramdisk = new(initrd);
        using TestMachine machine = Boot(file, 64 << 20, "", ramdisk.Path);
        ulong info = machine.Cpu.Gpr[Gpr.Rbx];
        Assert.Equal(1u, machine.Read32(info + 12));
        ulong module = machine.Read64(info + 16);
        Assert.Equal(5000UL, machine.Read64(module + 8));
        ulong address = machine.Read64(module);
        Assert.Equal(0UL, address & 0xFFF);
        Assert.Equal(initrd, machine.Read(address, initrd.Length));
    }

    public static TheoryData<string, byte[]> Unacceptable() => new()
    {
        { "64-bit ELF file without a PVH note", new ElfBuilder(true, 0x10_0000).Segment(0x10_0000, [1, 2, 3]).Build() },
        { "32-bit ELF file without a PVH note", new ElfBuilder(false, 0x10_0000).Segment(0x10_0000, [1, 2, 3]).Build() },
        { "without a PVH note", new ElfBuilder(true, 0x10_0000).Segment(0x10_0000, [1]).Notes(("Xen", 17, new byte[8]), ("Zen", 18, new byte[8])).Build() },
        { "another processor (e_machine 183)", new ElfBuilder(true, 0) { Machine = 183 }.Segment(0x10_0000, [1]).Build() },
        { "no executable (e_type 1)", new ElfBuilder(true, 0) { Type = 1 }.Segment(0x10_0000, [1]).Build() },
        { "0 program headers", new ElfBuilder(true, 0).Build() },
        { "PVH entry at 0x0", TestKernels.Pvh(entry: 0) },
        { "PVH entry at 0x1002000", TestKernels.Pvh(entry: 0x100_2000) },
        { "PVH entry at 0x101000010", TestKernels.Pvh(entry: 0x1_0100_0010) },
        { "truncated", TestKernels.Pvh()[..^1] },
        { "truncated", TestKernels.Pvh()[..100] },
        { "truncated", TestKernels.Pvh()[..20] },
        { "truncated", TestKernels.Pvh()[..5] },
        { "no room for a segment", Pvh(0x400_0000, [1]) },
        { "no room for a segment", Pvh(0x100_0000, [1], ulong.MaxValue) },
        { "overlaps the BIOS area", Pvh(0xF_0000, [1]) },
        { "overlaps a segment", new ElfBuilder(true, 0).Segment(0x10_0000, [1, 2]).Segment(0x10_0001, [1]).Notes(("Xen", 18, BitConverter.GetBytes(0x10_0000))).Build() },
    };

    [Theory]
    [MemberData(nameof(Unacceptable))]
    public void WhatCannotWorkIsAUserError(string says, byte[] image)
    {
        using TempFile file = new(image);
        VitrineException error = Assert.Throws<VitrineException>(() => Boot(file, 64 << 20, ""));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(says, error.What, StringComparison.Ordinal);
    }

    private static byte[] Pvh(ulong address, byte[] bytes, ulong memorySize = 0) =>
        new ElfBuilder(true, 0).Segment(address, bytes, memorySize).Notes(("Xen", 18, BitConverter.GetBytes((uint)address))).Build();

    private static TestMachine Boot(TempFile kernel, ulong memory, string commandLine, string? initrd = null)
    {
        TestMachine machine = new(memory, new BootSource.Kernel(kernel.Path) { CommandLine = commandLine, Initrd = initrd });
        try
        {
            return machine.Load();
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }
}
