using Vitrine.Devices.Buses;
using Vitrine.Devices.Keyboard;
using Xunit;

namespace Vitrine.Tests.Devices.Keyboard;

/// <summary>Expected values: IBM PS/2 Hardware Interface Technical Reference; the order of probing is Linux' i8042 driver's.</summary>
public sealed class I8042Tests
{
    private readonly LineRecorder _lines = new();
    private readonly PortBus _bus = new();
    private int _resets;

    public I8042Tests()
    {
        I8042 controller = new(_lines.Line(1), () => _resets++);
        _bus.Attach(controller, 0x60, 1, I8042Registers.DataOffset);
        _bus.Attach(controller, 0x64, 1, I8042Registers.CommandOffset);
    }

    private void Out(int port, int value) => _bus.Access((ushort)port, 1, isWrite: true, [(byte)value]);

    private byte In(int port)
    {
        byte[] data = new byte[1];
        _bus.Access((ushort)port, 1, isWrite: false, data);
        return data[0];
    }

    private byte Ask(int command)
    {
        Out(0x64, command);
        Assert.Equal(0x01, In(0x64) & 0x03);       // output full, input empty
        return In(0x60);
    }

    [Theory]
    [InlineData(0xAA, 0x55)]                       // self-test passed
    [InlineData(0xAB, 0x00)]                       // keyboard interface good
    [InlineData(0xA9, 0x01)]                       // no auxiliary device: its clock line is stuck
    public void Tests(int command, int expected)
    {
        Assert.Equal(expected, Ask(command));
        Assert.Equal(0x00, In(0x64) & 0x01);
    }

    [Fact]
    public void CommandByteIsKept()
    {
        Out(0x64, 0x60);
        Assert.Equal(0x08, In(0x64) & 0x0A);       // last was a command, input empty
        Out(0x60, 0x75);
        Assert.Equal(0x00, In(0x64) & 0x0B);       // last was data
        Assert.Equal(0x75, Ask(0x20));
    }

    [Theory]
    [InlineData(0xAD, 0x10)]
    [InlineData(0xA7, 0x20)]
    public void DisableAndEnableShowInTheCommandByte(int disable, int bit)
    {
        Out(0x64, disable);
        Assert.Equal(bit, Ask(0x20) & bit);
        Out(0x64, disable == 0xAD ? 0xAE : 0xA8);
        Assert.Equal(0, Ask(0x20) & bit);
    }

    [Fact]
    public void AuxiliaryLoopbackAnswersWithoutTheAuxiliaryBit()
    {
        Out(0x64, 0xD3);
        Out(0x60, 0x5A);
        Assert.Equal(0x01, In(0x64) & 0x21);
        In(0x60);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AByteForADeviceTimesOut(bool auxiliary)
    {
        if (auxiliary) Out(0x64, 0xD4);
        Out(0x60, 0xF2);                           // identify
        Assert.Equal(0x41, In(0x64) & 0x41);
        Assert.Equal(0xFE, In(0x60));
        Assert.Equal(0x00, In(0x64) & 0x41);
    }

    [Fact]
    public void TheInterruptFollowsTheOutputBuffer()
    {
        Out(0x64, 0x60);
        Out(0x60, 0x45);
        Assert.False(_lines.Level(1));
        Out(0x60, 0xFF);
        Assert.True(_lines.Level(1));
        In(0x60);
        Assert.False(_lines.Level(1));
        Out(0x64, 0x60);
        Out(0x60, 0x44);
        Out(0x60, 0xFF);
        Assert.False(_lines.Level(1));
    }

    [Fact]
    public void OutputPortShowsAddressLine20()
    {
        Assert.Equal(0x03, Ask(0xD0) & 0x03);
        Out(0x64, 0xD1);
        Out(0x60, 0xDD);
        Assert.Equal(0x01, Ask(0xD0) & 0x03);
        Out(0x64, 0xD1);
        Out(0x60, 0xDF);
        Assert.Equal(0x03, Ask(0xD0) & 0x03);
        Assert.Equal(0, _resets);
    }

    [Theory]
    [InlineData(0xFE, 1)]
    [InlineData(0xF0, 1)]
    [InlineData(0xFF, 0)]
    [InlineData(0xFD, 0)]
    public void PulsingLineZeroResets(int command, int resets)
    {
        Out(0x64, command);
        Assert.Equal(resets, _resets);
    }

    [Fact]
    public void ClearingBitZeroOfTheOutputPortResets()
    {
        Out(0x64, 0xD1);
        Out(0x60, 0xFE);
        Assert.Equal(1, _resets);
    }
}
