using Vitrine.Devices.Buses;
using Vitrine.Devices.Debug;
using Xunit;

namespace Vitrine.Tests.Devices.Debug;

public sealed class DebugPortTests
{
    [Theory]
    [InlineData(1, 0x12345678, 0x78u)]
    [InlineData(2, 0x12345678, 0x5678u)]
    [InlineData(4, 0x12345678, 0x12345678u)]
    public void DebugExitGivesTheWholeValueOnce(int size, int value, uint expected)
    {
        List<uint> values = [];
        PortBus bus = new();
        bus.Attach(new DebugExit(values.Add), DebugExit.Port, DebugExit.PortCount);
        bus.Access(0xF4, size, isWrite: true, BitConverter.GetBytes(value));
        Assert.Equal([expected], values);
    }

    [Fact]
    public void DebugConsoleShowsItsSignAndPassesBytesOn()
    {
        SinkRecorder text = new();
        PortBus bus = new();
        bus.Attach(new DebugConsole(text), DebugConsole.Port, 1);
        byte[] data = [0];
        bus.Access(0x402, 1, isWrite: false, data);
        Assert.Equal(0xE9, data[0]);
        foreach (byte b in "SeaBIOS"u8) bus.Access(0x402, 1, isWrite: true, [b]);
        Assert.Equal("SeaBIOS"u8, text.Bytes.ToArray());
    }

    [Fact]
    public void PostCodeIsKept()
    {
        PortBus bus = new();
        PostCode post = new();
        bus.Attach(post, PostCode.Port, 1);
        byte[] data = [0x5A];
        bus.Access(0x80, 1, isWrite: true, data);
        data[0] = 0;
        bus.Access(0x80, 1, isWrite: false, data);
        Assert.Equal(0x5A, data[0]);
        Assert.Equal(0x5A, post.Value);
    }
}
