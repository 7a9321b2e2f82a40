using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Xunit;

namespace Vitrine.Tests.Devices.Interrupts;

public sealed class InterruptRouterTests : IInterruptMessageSink
{
    private readonly List<uint> _vectors = [];
    private readonly PicPair _pics = new(_ => { });
    private readonly InterruptRouter _router;

    public InterruptRouterTests()
    {
        Ioapic ioapic = new(this);
        _router = new(_pics, ioapic);
        for (uint pin = 0; pin < 24; pin++)
        {
            ioapic.WriteMemory(0x00, 4, 0x10 + 2 * pin);
            ioapic.WriteMemory(0x10, 4, 0x40 + pin);
        }
        PortBus bus = new();
        _pics.AttachTo(bus);
        foreach ((ushort port, byte value) in new (ushort, byte)[]
        {
            (0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0xA0, 0x11), (0xA1, 0x28), (0xA1, 2), (0xA1, 1),
        })
        {
            bus.Access(port, 1, isWrite: true, [value]);
        }
    }

    int IInterruptMessageSink.Send(ulong address, uint data)
    {
        _vectors.Add(data & 0xFF);
        return 1;
    }

    [Fact]
    public void EveryLineReachesBothControllers()
    {
        for (int line = 0; line < 24; line++)
        {
            _vectors.Clear();
            new InterruptLine(_router, line).Pulse();
            if (line == 2)
            {
                Assert.Empty(_vectors);            // the cascade
                Assert.False(_pics.Output);
                continue;
            }
            Assert.Equal([(uint)(0x40 + (line == 0 ? 2 : line))], _vectors);
            Assert.Equal(line < 16, _pics.Output);
            if (line >= 16) continue;
            Assert.Equal(0x20 + line, _pics.Acknowledge());
            _pics.Slave.WritePort(0, 1, 0x20);
            _pics.Master.WritePort(0, 1, 0x20);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    public void ALineThatDoesNotExistIsAMistakeInTheWiring(int line) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _router.SetLine(line, true));
}
