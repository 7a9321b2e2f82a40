using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

public sealed class FlatLoaderTests
{
    private static readonly byte[] Code = [0xFA, 0xF4, 0xEB, 0xFE];

    [Theory]
    // SDM vol. 3, 20.1.1: linear address = selector × 16 + offset.
    [InlineData(0x7C00UL, 0x0000, 0x7C00)]
    [InlineData(0x12345UL, 0x1000, 0x2345)]
    [InlineData(0xFFFF0UL, 0xF000, 0xFFF0)]
    public void RealModeEntry(ulong entry, int selector, int ip)
    {
        using TestMachine machine = new TestMachine(2 << 20, Flat(entry, entry, FlatMode.Real)).Load();
        ProcessorState cpu = machine.Cpu;
        Assert.Equal(selector, cpu.Segments[Seg.Cs].Selector);
        Assert.Equal((ulong)selector * 16, cpu.Segments[Seg.Cs].Base);
        Assert.Equal((ulong)ip, cpu.Rip);
        Assert.Equal(0UL, cpu.Cr0 & 0x8000_0001);
        Assert.Equal(Code, machine.Read(entry, 4));
    }

    [Fact]
    public void ProtectedModeEntry()
    {
        using TestMachine machine = new TestMachine(2 << 20, Flat(0x10_0000, 0x10_0001, FlatMode.Protected)).Load();
        ProcessorState cpu = machine.Cpu;
        Assert.Equal(1UL, cpu.Cr0 & 0x8000_0001);
        Assert.Equal(0x10_0001UL, cpu.Rip);
        AssertSegmentsMatchTheGdt(machine);
    }

    [Fact]
    public void LongModeMapsFourGigabytesOneToOne()
    {
        using TestMachine machine = new TestMachine(2 << 20, Flat(0x10_0000, 0x10_0000, FlatMode.Long)).Load();
        ProcessorState cpu = machine.Cpu;
        Assert.Equal(0x8000_0001, cpu.Cr0 & 0x8000_0001);
        Assert.Equal(0x500UL, cpu.Efer);
        Assert.Equal(0x20UL, cpu.Cr4);
        AssertSegmentsMatchTheGdt(machine);
        foreach (ulong address in new ulong[] { 0, 0x1F_FFFF, 0x20_0000, 0x3FFF_FFFF, 0x4000_0000, 0xFEE0_0000, 0xFFFF_FFFF })
        {
            // SDM vol. 3, table 4-18: a PDE with PS maps a 2-MiB page.
            ulong pml4e = machine.Read64(cpu.Cr3 + (address >> 39) * 8);
            ulong pdpte = machine.Read64((pml4e & ~0xFFFUL) + ((address >> 30) & 511) * 8);
            ulong pde = machine.Read64((pdpte & ~0xFFFUL) + ((address >> 21) & 511) * 8);
            Assert.Equal(3UL, pml4e & pdpte & 0x83);
            Assert.Equal(0x83UL, pde & 0x83);
            Assert.Equal(address & ~0x1F_FFFFUL, pde & ~0x1F_FFFFUL);
        }
    }

    [Theory]
    [InlineData(0x8000UL, 0x7FFFUL, FlatMode.Real, "outside")]
    [InlineData(0x8000UL, 0x8004UL, FlatMode.Real, "outside")]
    [InlineData(0x8000UL, ulong.MaxValue, FlatMode.Long, "outside")]
    [InlineData(0x10_0000UL, 0x10_0000UL, FlatMode.Real, "not reachable")]
    [InlineData(0x9_0000UL, 0x9_0000UL, FlatMode.Long, "page tables")]
    [InlineData(0x9_5FFCUL, 0x9_5FFCUL, FlatMode.Long, "page tables")]
    [InlineData(0x9_6000UL, 0x9_6000UL, FlatMode.Protected, "GDT")]
    [InlineData(0x1F_FFFDUL, 0x1F_FFFDUL, FlatMode.Protected, "no room")]
    [InlineData(0xC000_0000UL, 0xC000_0000UL, FlatMode.Protected, "no room")]
    [InlineData(ulong.MaxValue, ulong.MaxValue, FlatMode.Protected, "no room")]
    public void WhatCannotWorkIsAUserError(ulong address, ulong entry, FlatMode mode, string says)
    {
        using TestMachine machine = new(2 << 20, Flat(address, entry, mode));
        VitrineException error = Assert.Throws<VitrineException>(() => machine.Load());
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CodeAboveFourGigabytesIsNotMapped()
    {
        using TestMachine machine = new(4UL << 30, Flat(MemoryLayout.HighStart, MemoryLayout.HighStart, FlatMode.Long));
        Assert.Contains("not reachable", Assert.Throws<VitrineException>(() => machine.Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileWorksLikeBytes()
    {
        using TempFile file = new(Code);
        using TestMachine machine = new TestMachine(1 << 20, new BootSource.Flat(file.Path, new Gpa(0x7C00), 0x7C00, FlatMode.Real)).Load();
        Assert.Equal(Code, machine.Read(0x7C00, 4));
    }

    private static BootSource.FlatBytes Flat(ulong address, ulong entry, FlatMode mode) => new(Code, new Gpa(address), entry, mode);

    /// <summary>The hidden parts must be what loading the selector from the GDT would give (SDM vol. 3, 3.4.5).</summary>
    private static void AssertSegmentsMatchTheGdt(TestMachine machine)
    {
        ProcessorState cpu = machine.Cpu;
        foreach (int number in new[] { Seg.Cs, Seg.Ss, Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs })
        {
            SegmentRegister segment = cpu.Segments[number];
            Assert.InRange(segment.Selector, 8, cpu.Gdtr.Limit - 7);
            ulong descriptor = machine.Read64(cpu.Gdtr.Base + segment.Selector);
            ulong limit = (descriptor & 0xFFFF) | ((descriptor >> 32) & 0xF_0000);
            if ((descriptor >> 55 & 1) != 0) limit = limit << 12 | 0xFFF;
            ulong @base = ((descriptor >> 16) & 0xFF_FFFF) | ((descriptor >> 32) & 0xFF00_0000);
            Assert.Equal(limit, segment.Limit);
            Assert.Equal(@base, segment.Base);
            Assert.Equal((descriptor >> 40) & 0xF0FF, segment.Access);
        }
    }
}
