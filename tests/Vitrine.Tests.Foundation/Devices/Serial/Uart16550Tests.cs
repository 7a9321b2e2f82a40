using System.Text;
using Vitrine.Devices.Serial;
using Xunit;

namespace Vitrine.Tests.Devices.Serial;

/// <summary>Expected values: National Semiconductor PC16550D data sheet.</summary>
public sealed class Uart16550Tests
{
    private const int Irq = 4;
    private readonly LineRecorder _lines = new();
    private readonly SinkRecorder _sink = new();
    private readonly Uart16550 _uart;

    public Uart16550Tests() => _uart = new("uart0", _lines.Line(Irq), _sink);

    private List<byte> Sent => _sink.Bytes;

    private void Out(int offset, byte value) => _uart.WritePort(offset, 1, value);

    private byte In(int offset) => (byte)_uart.ReadPort(offset, 1);

    [Fact]
    public void AReaderThatLagsShowsAsATransmitterThatIsNotEmpty()
    {
        Out(4, 0x08);
        Out(1, 0x02);
        Assert.Equal(0x02, In(2));
        _sink.IsFull = true;
        Assert.Equal(0x00, In(5) & 0x60);
        Out(0, (byte)'a');                        // from a driver that doesn't look
        Assert.Equal("a"u8, Sent.ToArray());
        Assert.Equal(0x01, In(2));
        Assert.False(_lines.Level(Irq));

        // Turning the interrupt off and on must not make it empty.
        Out(1, 0x00);
        Out(1, 0x02);
        Assert.Equal(0x01, In(2));
        _sink.IsFull = false;
        _sink.RoomAgain!();
        Assert.Equal(0x60, In(5) & 0x60);
        Assert.True(_lines.Level(Irq));
        Assert.Equal(0x02, In(2));

        // In loopback nothing leaves.
        _sink.IsFull = true;
        Out(4, 0x10);
        Assert.Equal(0x60, In(5) & 0x60);
    }

    [Fact]
    public void ResetStateIsThatOfTheDataSheet()
    {
        Assert.Equal(0x00, In(1));
        Assert.Equal(0x01, In(2));
        Assert.Equal(0x00, In(3));
        Assert.Equal(0x00, In(4));
        Assert.Equal(0x60, In(5));
        Assert.Equal(0xB0, In(6));
        Assert.False(_lines.Level(Irq));
    }

    [Fact]
    public void LooksLikeA16550AToADriver()
    {
        // What Linux' 8250 driver asks (drivers/tty/serial/8250, autoconfig), in its order.
        Out(1, 0x00);
        Assert.Equal(0x00, In(1) & 0x0F);
        Out(1, 0x0F);
        Assert.Equal(0x0F, In(1) & 0x0F);
        Out(1, 0x00);
        Out(4, 0x1A);                             // loopback, OUT2, RTS
        Assert.Equal(0x90, In(6) & 0xF0);         // DCD, CTS
        Out(4, 0x00);
        Out(3, 0xBF);
        Out(2, 0x00);
        Out(3, 0x00);
        Out(2, 0x01);
        Assert.Equal(3, In(2) >> 6);              // both FIFO bits: 16550A
        Out(3, 0x80);
        Out(2, 0x21);                             // 64-byte FIFO of a 16750: must not stick
        Assert.Equal(0, In(2) & 0x20);
        Out(3, 0x00);
        Out(1, 0x40);                             // XScale's unit enable: must not stick
        Assert.Equal(0x00, In(1) & 0xF0);
        Out(7, 0xA5);
        Assert.Equal(0xA5, In(7));
    }

    [Fact]
    public void DivisorLatchHidesDataAndInterruptEnable()
    {
        Out(1, 0x05);
        Out(3, 0x83);
        Out(0, 0x01);
        Out(1, 0xC2);
        Assert.Equal(0x01, In(0));
        Assert.Equal(0xC2, In(1));
        Out(3, 0x03);
        Assert.Equal(0x05, In(1));
        Assert.Empty(Sent);
    }

    [Fact]
    public void SendsInOrderAndIsEmptyAtOnce()
    {
        foreach (byte b in "hello"u8)
        {
            Out(0, b);
            Assert.Equal(0x60, In(5));
        }
        Assert.Equal("hello", Encoding.ASCII.GetString([.. Sent]));
    }

    [Fact]
    public void TransmitterInterruptIsRaisedByEnablingAndEndedByReadingIir()
    {
        Out(4, 0x08);
        Out(1, 0x02);
        Assert.True(_lines.Level(Irq));
        Assert.Equal(0x02, In(2));
        Assert.False(_lines.Level(Irq));
        Assert.Equal(0x01, In(2));
        Out(1, 0x02);                             // no change of the bit: not raised again
        Assert.False(_lines.Level(Irq));
        Out(1, 0x00);
        Out(1, 0x02);                             // Linux' THRE test relies on this
        Assert.True(_lines.Level(Irq));
    }

    [Fact]
    public void EachByteSentRaisesAnEdge()
    {
        Out(4, 0x08);
        Out(1, 0x02);
        int before = _lines.Edges(Irq);
        Out(0, 1);
        Assert.Equal(before + 1, _lines.Edges(Irq));
        Assert.True(_lines.Level(Irq));
        Out(0, 2);
        Assert.Equal(before + 2, _lines.Edges(Irq));
    }

    [Fact]
    public void Out2GatesTheLineAndLoopbackForcesItInactive()
    {
        Out(1, 0x02);
        Assert.False(_lines.Level(Irq));
        Out(4, 0x08);
        Assert.True(_lines.Level(Irq));
        Out(4, 0x18);
        Assert.False(_lines.Level(Irq));
        Out(4, 0x00);
        Assert.False(_lines.Level(Irq));
    }

    [Fact]
    public void ReceivesOneByteWithoutFifoAndSixteenWithIt()
    {
        Assert.Equal(1, _uart.Receive([1, 2]));
        Assert.Equal(0x61, In(5));
        Assert.Equal(1, In(0));
        Assert.Equal(0x60, In(5));
        Out(2, 0x01);
        byte[] many = [.. Enumerable.Range(1, 20).Select(i => (byte)i)];
        Assert.Equal(16, _uart.Receive(many));
        Assert.Equal(0, _uart.Receive([99]));
        for (int i = 1; i <= 16; i++) Assert.Equal(i, In(0));
        Assert.Equal(0x60, In(5));
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xC1, 14)]
    public void TriggerLevelTellsDataFromTimeout(byte fifoControl, int level)
    {
        Out(2, fifoControl);
        Out(4, 0x08);
        Out(1, 0x01);
        for (int i = 1; i <= 16; i++)
        {
            _uart.Receive([(byte)i]);
            Assert.True(_lines.Level(Irq));
            Assert.Equal(i >= level ? 0xC4 : 0xCC, In(2));
        }
        for (int i = 0; i < 16; i++) In(0);
        Assert.False(_lines.Level(Irq));
        Assert.Equal(0xC1, In(2));
    }

    [Fact]
    public void InterruptsAreReportedByPriority()
    {
        Out(4, 0x18);                             // loopback, to make an overrun
        Out(0, 1);
        Out(0, 2);
        Out(4, 0x08);                             // leaving it changes DCD, DSR, CTS: deltas
        Out(1, 0x0F);
        Assert.Equal(0x06, In(2));
        Assert.Equal(0x63, In(5));
        Assert.Equal(0x61, In(5));                // reading clears the overrun
        Assert.Equal(0x04, In(2));
        Assert.Equal(2, In(0));                   // the one-byte buffer was overwritten
        Assert.Equal(0x02, In(2));
        Assert.Equal(0x00, In(2));
        Assert.NotEqual(0, In(6) & 0x0F);
        Assert.Equal(0xB0, In(6));
        Assert.Equal(0x01, In(2));
        Assert.False(_lines.Level(Irq));
    }

    [Fact]
    public void AFullFifoKeepsWhatItHas()
    {
        Out(2, 0x01);
        Out(4, 0x10);
        for (int i = 0; i < 17; i++) Out(0, (byte)i);
        Assert.Empty(Sent);
        Assert.Equal(0x63, In(5));
        for (int i = 0; i < 16; i++) Assert.Equal(i, In(0));
        Assert.Equal(0x60, In(5));
    }

    [Theory]
    [InlineData(0x01, 0x20)] // DTR -> DSR
    [InlineData(0x02, 0x10)] // RTS -> CTS
    [InlineData(0x04, 0x40)] // OUT1 -> RI
    [InlineData(0x08, 0x80)] // OUT2 -> DCD
    public void LoopbackConnectsModemLines(byte modemControl, byte modemStatus)
    {
        Out(4, 0x10);
        In(6);
        Out(4, (byte)(0x10 | modemControl));
        byte delta = modemStatus == 0x40 ? (byte)0 : (byte)(modemStatus >> 4); // TERI is the trailing edge only
        Assert.Equal(modemStatus | delta, In(6));
        Assert.Equal(modemStatus, In(6));
        Out(4, 0x10);
        Assert.Equal(modemStatus >> 4, In(6));
    }

    [Fact]
    public void TheFeederIsToldWhenThereIsRoom()
    {
        byte[] input = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
        int fed = 0;
        _uart.ReceiverReady = () => fed += _uart.Receive(input.AsSpan(fed));
        Out(2, 0x01);
        fed += _uart.Receive(input);
        Assert.Equal(16, fed);
        List<byte> read = [];
        while ((In(5) & 1) != 0) read.Add(In(0));
        Assert.Equal(input, read);
    }

    [Fact]
    public void TheFeederIsToldWhenTheGuestClearsTheFifoOrLeavesLoopback()
    {
        int calls = 0;
        _uart.ReceiverReady = () => calls++;
        Assert.Equal(1, _uart.Receive([1, 2]));
        Out(2, 0x03);
        Assert.Equal(1, calls);
        Assert.Equal(0x60, In(5));
        Out(4, 0x10);
        Assert.Equal(0, _uart.Receive([1]));
        Out(4, 0x00);
        Assert.Equal(2, calls);
    }
}
