using Vitrine.X86.Descriptors;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.X86.Descriptors;

/// <summary>Expected values worked out from the figures of SDM vol. 3: 3-8, 5-8, 6-2, 6-8, 8-4.</summary>
public sealed class DescriptorTests
{
    [Theory]
    [InlineData(0x00CF_9B00_0000_FFFFUL, 0u, 0xFFFF_FFFFu, 0xC09Bu)] // flat 32-bit code, the usual GDT entry
    [InlineData(0x00AF_9B00_0000_FFFFUL, 0u, 0xFFFF_FFFFu, 0xA09Bu)] // 64-bit code
    [InlineData(0x00CF_9300_0000_FFFFUL, 0u, 0xFFFF_FFFFu, 0xC093u)] // flat data
    [InlineData(0x1240_F334_5678_9ABCUL, 0x1234_5678u, 0x0_9ABCu, 0x40F3u)] // byte-granular, DPL 3
    [InlineData(0xFF0F_8BFF_FFFF_FFFFUL, 0xFFFF_FFFFu, 0xF_FFFFu, 0x008Bu)]
    [InlineData(0x0080_9300_0000_0000UL, 0u, 0xFFFu, 0x8093u)] // limit 0 pages: the first 4 KiB
    public void SegmentDescriptors(ulong raw, uint @base, uint limit, uint access)
    {
        var descriptor = new SegmentDescriptor(raw);
        SegmentRegister segment = descriptor.ToSegmentRegister(8);
        Assert.Equal(new SegmentRegister(8, @base, limit, access), segment);
        Assert.Equal(descriptor, SegmentDescriptor.FromSegmentRegister(segment));
        Assert.Equal(segment.Type, descriptor.Type);
        Assert.Equal(segment.Dpl, descriptor.Dpl);
        Assert.Equal(segment.Present, descriptor.Present);
        Assert.Equal(segment.Long, descriptor.Long);
        Assert.Equal(segment.DefaultBig, descriptor.DefaultBig);
        Assert.Equal(segment.Granularity, descriptor.Granularity);
        Assert.Equal(segment.IsCodeOrData, descriptor.IsCodeOrData);
    }

    [Fact]
    public void SystemDescriptorsHaveA64BitBase()
    {
        // TSS at FFFF_FE00_1234_5000, limit 206Fh.
        var descriptor = new SystemDescriptor(0x1200_8934_5000_206F, 0xFFFF_FE00);
        SegmentRegister segment = descriptor.ToSegmentRegister(0x40);
        Assert.Equal(new SegmentRegister(0x40, 0xFFFF_FE00_1234_5000, 0x206F, 0x89), segment);
        Assert.Equal(descriptor, SystemDescriptor.FromSegmentRegister(segment));
        Assert.True(descriptor.IsUpperTypeZero);
        Assert.False(new SystemDescriptor(0, 0x0000_0100_0000_0000).IsUpperTypeZero);
    }

    [Theory]
    [InlineData(0x8A00_8E03_0010_4567UL, 0xFFFF_FFFFUL, 0xFFFF_FFFF_8A00_4567UL, 0x10, DescriptorType.InterruptGate, 0, 3)]
    [InlineData(0x1234_EF00_0008_5678UL, 0UL, 0x1234_5678UL, 8, DescriptorType.TrapGate, 3, 0)]
    [InlineData(0x0000_8500_0018_0000UL, 0UL, 0UL, 0x18, DescriptorType.TaskGate, 0, 0)]
    [InlineData(0x1234_EC05_0008_5678UL, 0UL, 0x1234_5678UL, 8, DescriptorType.CallGate, 3, 5)]
    public void Gates(ulong low, ulong high, ulong offset, int selector, byte type, int dpl, int istOrParameters)
    {
        var gate = new GateDescriptor(low, high);
        Assert.Equal(offset, gate.Offset);
        Assert.Equal(selector, gate.Selector);
        Assert.Equal(type, gate.Type);
        Assert.Equal(dpl, gate.Dpl);
        Assert.True(gate.Present);
        Assert.False(gate.IsCodeOrData);
        Assert.Equal(istOrParameters, gate.ParameterCount);
        Assert.Equal(istOrParameters & 7, gate.Ist);
        Assert.Equal(gate, GateDescriptor.Create(type, (ushort)selector, offset, (byte)dpl, (byte)istOrParameters));
    }
}
