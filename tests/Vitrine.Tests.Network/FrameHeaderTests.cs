using Vitrine.Network;
using Xunit;

namespace Vitrine.Tests.Network;

/// <summary>The header beside a frame, as virtio 1.2, 5.1.6 lays it out.</summary>
public sealed class FrameHeaderTests
{
    // flags NEEDS_CSUM, gso_type TCPV4, hdr_len 54, gso_size 1460, csum_start 34, csum_offset 16
    private static readonly byte[] s_segment = [1, 1, 54, 0, 0xB4, 0x05, 34, 0, 16, 0];

    private static FrameHeader Segment => new()
    {
        NeedsChecksum = true,
        GsoType = GsoType.Tcp4,
        HeaderLength = 54,
        SegmentSize = 1460,
        ChecksumStart = 34,
        ChecksumOffset = 16,
    };

    [Fact]
    public void IsReadAsSpecified()
    {
        Assert.True(FrameHeader.TryRead(s_segment, out FrameHeader header));
        Assert.Equal(Segment, header);
    }

    [Fact]
    public void IsWrittenAsSpecified()
    {
        byte[] bytes = new byte[FrameHeader.Length];
        Segment.Write(bytes);
        Assert.Equal(s_segment, bytes);
    }

    [Fact]
    public void TheDefaultIsAllZero()
    {
        byte[] bytes = [.. Enumerable.Repeat((byte)0xFF, FrameHeader.Length)];
        default(FrameHeader).Write(bytes);
        Assert.Equal(new byte[FrameHeader.Length], bytes);
    }

    [Theory]
    [InlineData(0x00, true)]
    [InlineData(0x01, true)]
    [InlineData(0x81, true)] // with ECN
    [InlineData(0x03, false)] // UDP
    [InlineData(0x04, true)]
    [InlineData(0x05, false)] // UDP_L4
    [InlineData(0x7F, false)]
    public void OnlyTcpIsCut(byte gsoType, bool isKnown) =>
        Assert.Equal(isKnown, FrameHeader.TryRead([0, gsoType, 0, 0, 0, 0, 0, 0, 0, 0], out _));
}
