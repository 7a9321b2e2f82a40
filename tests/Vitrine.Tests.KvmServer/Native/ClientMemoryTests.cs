using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Xunit;

namespace Vitrine.Tests.KvmServer.Native;

/// <summary>Memory of the client that may not be there.</summary>
public sealed unsafe class ClientMemoryTests
{
    [Theory]
    [InlineData(0UL)]
    [InlineData(8UL)]
    [InlineData(0xFFFF_8000_0000_0000UL)]
    [InlineData(ulong.MaxValue - 3)]
    [InlineData(0x0123_4567_89AB_CDEFUL)]
    public void BadAddressIsAnError(ulong address)
    {
        Assert.Equal(-Errno.EFAULT, ClientMemory.Read(address, out ulong _));
        Assert.Equal(-Errno.EFAULT, ClientMemory.Write(address, 1UL));
    }

    [Fact]
    public void GoodAddressIsReadAndWritten()
    {
        ulong value = 0x1122_3344_5566_7788;
        Assert.Equal(0, ClientMemory.Read((ulong)&value, out ulong copy));
        Assert.Equal(value, copy);
        Assert.Equal(0, ClientMemory.Write((ulong)&value, 5UL));
        Assert.Equal(5UL, value);
    }
}
