using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

/// <summary>Checks the Multiboot Specification 0.6.96, sections 3.1 to 3.3.</summary>
public sealed class MultibootLoaderTests
{
    [Fact]
    public void EntersAnElfImageAtThePhysicalAddressOfItsEntry()
    {
        using TempFile file = new(TestKernels.MultibootElf());
        using TestMachine machine = Boot(file, "one two");
        ProcessorState cpu = machine.Cpu;
        Assert.Equal(0x10_0020UL, cpu.Rip);
        Assert.Equal(0x2BAD_B002UL, cpu.Gpr[Gpr.Rax]);
        Assert.Equal(1UL, cpu.Cr0 & 0x8000_0001);
        Assert.Equal(0UL, cpu.Rflags & (1 << 17 | 1 << 9));
        foreach (int number in new[] { Seg.Cs, Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs, Seg.Ss })
        {
            SegmentRegister segment = cpu.Segments[number];
            Assert.Equal((0UL, 0xFFFF_FFFFu, true), (segment.Base, segment.Limit, segment.DefaultBig));
        }

        Assert.Equal(BzImageBuilder.Pattern(0x100), machine.Read(0x10_000C, 0x100));
        ulong info = cpu.Gpr[Gpr.Rbx];
        uint flags = machine.Read32(info);
        Assert.Equal(0b10_0100_0101u, flags);
        Assert.Equal(639u, machine.Read32(info + 4));
        Assert.Equal(63u << 10, machine.Read32(info + 8));
        Assert.Equal(file.Path + " one two", machine.ReadString(machine.Read32(info + 16)));
        Assert.Equal("Vitrine", machine.ReadString(machine.Read32(info + 64)));
    }

    [Fact]
    public void TheMemoryMapIsWalkedBySize()
    {
        using TempFile file = new(TestKernels.MultibootElf());
        using TestMachine machine = Boot(file, "");
        ulong info = machine.Cpu.Gpr[Gpr.Rbx];
        Assert.Equal(file.Path, machine.ReadString(machine.Read32(info + 16)));
        ulong at = machine.Read32(info + 48);
        ulong end = at + machine.Read32(info + 44);
        ulong usable = 0;
        while (at < end)
        {
            if (machine.Read32(at + 20) == 1) usable += machine.Read64(at + 12);
            at += machine.Read32(at) + 4;
        }

        Assert.Equal(end, at);
        Assert.Equal((64UL << 20) - (0x10_0000 - 0x9_FC00), usable);
    }

    [Fact]
    public void TheInitrdIsAPageAlignedModuleAfterTheKernel()
    {
        byte[] content = BzImageBuilder.Pattern(4097);
        using TempFile file = new(TestKernels.MultibootElf());
        using TempFile module = new(content);
        using TestMachine machine = Boot(file, "", module.Path);
        ulong info = machine.Cpu.Gpr[Gpr.Rbx];
        Assert.Equal(1u << 3, machine.Read32(info) & (1 << 3));
        Assert.Equal(1u, machine.Read32(info + 20));
        ulong entry = machine.Read32(info + 24);
        uint start = machine.Read32(entry);
        Assert.Equal(4097u, machine.Read32(entry + 4) - start);
        Assert.Equal(0u, start & 0xFFF);
        Assert.True(start >= 0x10_3000);
        Assert.Equal(content, machine.Read(start, content.Length));
        Assert.Equal(Path.GetFileName(module.Path), machine.ReadString(machine.Read32(entry + 8)));
    }

    [Theory]
    [InlineData(0x20_0000u, 0u, 0x20_2000u)]
    [InlineData(0x20_0000u, 0x20_0080u, 0u)]
    public void TheHeaderCanSayWhereARawImageGoes(uint load, uint loadEnd, uint bssEnd)
    {
        byte[] image = TestKernels.MultibootKludge(load, loadEnd, bssEnd);
        using TempFile file = new(image);
        using TestMachine machine = new(64 << 20, new BootSource.Kernel(file.Path));
        machine.Memory.TryWrite(new(load), Enumerable.Repeat((byte)0xAA, 0x4000).ToArray());
        machine.Load();
        Assert.Equal(load + 32UL, machine.Cpu.Rip);
        int loaded = loadEnd == 0 ? image.Length - 64 : (int)(loadEnd - load);
        Assert.Equal(image[64..(64 + loaded)], machine.Read(load, loaded));
        int zeros = bssEnd == 0 ? 0 : (int)(bssEnd - load) - loaded;
        Assert.Equal(new byte[zeros], machine.Read(load + (ulong)loaded, zeros));
        Assert.Equal(0xAA, machine.Read(load + (ulong)(loaded + zeros), 1)[0]);
    }

    [Fact]
    public void TheAddressFieldsAlsoHoldForA64BitElfFile()
    {
        byte[] header = TestKernels.MultibootHeader(0x1_0000, 0x10_0078, 0x10_0000, 0, 0, 0x10_0000);
        byte[] image = new ElfBuilder(true, 0).Segment(0x10_0000, header).Build();
        Assert.Equal(0x78, image.AsSpan().IndexOf(header));
        using TempFile file = new(image);
        using TestMachine machine = Boot(file, "");
        Assert.Equal(image, machine.Read(0x10_0000, image.Length));
    }

    public static TheoryData<string, byte[]> Unacceptable() => new()
    {
        { "flags 0x8", TestKernels.MultibootElf(flags: 8) },
        { "flags 0x8000", TestKernels.MultibootElf(flags: 0x8003) },
        { "64-bit ELF file with a Multiboot 1 header", TestKernels.MultibootElf(is64: true) },
        { "its entry at 0x500000", TestKernels.MultibootElf(entry: 0x50_0000) },
        { "is no ELF file", [.. TestKernels.MultibootHeader(0), 1, 2, 3, 4] },
        { "after the first one to load", TestKernels.MultibootKludge(headerAddress: 0x20_0041) },
        { "after the first one to load", TestKernels.MultibootKludge(headerAddress: 0x1F_FFFF) },
        { "loads from", TestKernels.MultibootKludge(loadEnd: 0x1F_FFFF) },
        { "loads from", TestKernels.MultibootKludge(bssEnd: 0x20_0001) },
        { "truncated", TestKernels.MultibootKludge(loadEnd: 0x20_1000) },
        { "its entry at 0x1fffff", TestKernels.MultibootKludge(entry: 0x1F_FFFF) },
        { "its entry at 0x202000", TestKernels.MultibootKludge(entry: 0x20_2000) },
        { "no room for the kernel", TestKernels.MultibootKludge(bssEnd: 0xF000_0000) },
        { "the GDT at 0x96000", TestKernels.MultibootKludge(load: 0x9_5F00, bssEnd: 0x9_6800) },
        // One beyond where the specification lets the header lie.
        { "is no kernel", [.. new byte[8192], .. TestKernels.MultibootHeader(0)] },
        { "is no kernel", [.. new byte[2], .. TestKernels.MultibootHeader(0)] },
        { "is no kernel", [.. TestKernels.MultibootHeader(0)[..8], 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Unacceptable))]
    public void WhatCannotWorkIsAUserError(string says, byte[] image)
    {
        using TempFile file = new(image);
        VitrineException error = Assert.Throws<VitrineException>(() => Boot(file, ""));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(says, error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void TheVideoModeRequestIsIgnored()
    {
        using TempFile file = new(TestKernels.MultibootElf(flags: 7));
        Boot(file, "").Dispose();
    }

    private static TestMachine Boot(TempFile kernel, string commandLine, string? module = null)
    {
        TestMachine machine = new(64 << 20, new BootSource.Kernel(kernel.Path) { CommandLine = commandLine, Initrd = module });
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
