using Vitrine.Network;
using Xunit;

namespace Vitrine.Tests.Network;

public sealed class MacAddressTests
{
    [Fact]
    public void TheFirstByteOfTheTextIsTheFirstOnTheWire()
    {
        Assert.True(MacAddress.TryParse("52:54:00:12:34:5f", out MacAddress address));
        byte[] bytes = new byte[MacAddress.Length];
        address.Write(bytes);
        Assert.Equal([0x52, 0x54, 0x00, 0x12, 0x34, 0x5F], bytes);
        Assert.Equal(address, MacAddress.Read(bytes));
        Assert.Equal("52:54:00:12:34:5f", address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("52:54:00:12:34")]
    [InlineData("52:54:00:12:34:5g")]
    [InlineData("52-54-00-12-34-56")]
    [InlineData("52:54:00:12:34:56:78")]
    [InlineData("52:54:00:12:34:+6")]
    public void OtherTextIsRefused(string text) => Assert.False(MacAddress.TryParse(text, out _));

    [Fact]
    public void ALocalAddressIsOneCardsOwn()
    {
        for (int round = 0; round < 64; round++)
        {
            // The low bits of the first byte: locally administered, and not of a group (IEEE 802).
            Assert.Equal(2UL, MacAddress.CreateLocal().Value >> 40 & 3);
        }

        Assert.True(MacAddress.Broadcast.IsGroup);
    }
}
