using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Xunit;

namespace Vitrine.Tests.Devices.Interrupts;

/// <summary>Expected values: Intel 8259A data sheet; ELCR: Intel 82371SB.</summary>
public sealed class PicPairTests
{
    private readonly PortBus _bus = new();
    private readonly PicPair _pics;
    private readonly List<bool> _outputs = [];

    public PicPairTests()
    {
        _pics = new(_outputs.Add);
        _pics.AttachTo(_bus);
    }

    private void Out(int port, byte value) => _bus.Access((ushort)port, 1, isWrite: true, [value]);

    private byte In(int port)
    {
        byte[] data = new byte[1];
        _bus.Access((ushort)port, 1, isWrite: false, data);
        return data[0];
    }

    private void Initialize(byte masterIcw4 = 0x01, byte slaveIcw4 = 0x01)
    {
        foreach ((int port, byte vector, byte cascade, byte icw4) in
            new[] { (0x20, (byte)0x30, (byte)0x04, masterIcw4), (0xA0, (byte)0x38, (byte)0x02, slaveIcw4) })
        {
            Out(port, 0x11);
            Out(port + 1, vector);
            Out(port + 1, cascade);
            Out(port + 1, icw4);
        }
    }

    private void Pulse(int line)
    {
        _pics.SetLine(line, true);
        _pics.SetLine(line, false);
    }

    [Theory]
    [InlineData(0, 0x30)]
    [InlineData(7, 0x37)]
    [InlineData(8, 0x38)]
    [InlineData(15, 0x3F)]
    public void ALineBecomesItsVector(int line, byte vector)
    {
        Initialize();
        Pulse(line);
        Assert.True(_pics.Output);
        Assert.Equal(vector, _pics.Acknowledge());
        Assert.False(_pics.Output);
        Out(0x20, 0x0B);
        Assert.Equal(line < 8 ? 1 << line : 0x04, In(0x20));
    }

    [Fact]
    public void LinuxProbeSeesAController()
    {
        Initialize();
        Out(0xA1, 0xFF);
        Out(0x21, 0xFB);
        Assert.Equal(0xFB, In(0x21));
        Assert.Equal(0xFF, In(0xA1));
    }

    [Fact]
    public void HigherPriorityNestsLowerWaits()
    {
        Initialize();
        Pulse(4);
        Assert.Equal(0x34, _pics.Acknowledge());
        Pulse(6);
        Assert.False(_pics.Output);
        Pulse(1);
        Assert.True(_pics.Output);
        Assert.Equal(0x31, _pics.Acknowledge());
        Out(0x20, 0x20);                          // ends 1, the highest in service
        Assert.False(_pics.Output);
        Out(0x20, 0x20);                          // ends 4
        Assert.True(_pics.Output);
        Assert.Equal(0x36, _pics.Acknowledge());
    }

    [Fact]
    public void ReadRegistersShowRequestsAndService()
    {
        Initialize();
        Out(0x21, 0xFF);
        Pulse(3);
        Pulse(5);
        Assert.Equal(0x28, In(0x20));
        Out(0x21, 0x00);
        Assert.Equal(0x33, _pics.Acknowledge());
        Assert.Equal(0x20, In(0x20));
        Out(0x20, 0x0B);
        Assert.Equal(0x08, In(0x20));
        Assert.Equal(0x08, In(0x20));
        Out(0x20, 0x0A);
        Assert.Equal(0x20, In(0x20));
    }

    [Fact]
    public void SpecificEoiEndsThatInput()
    {
        Initialize();
        Pulse(5);
        _pics.Acknowledge();
        Pulse(2);                                 // the cascade can't be driven from outside
        Assert.False(_pics.Output);
        Pulse(3);
        _pics.Acknowledge();
        Out(0x20, 0x65);                          // specific EOI of 5, though 3 is higher
        Out(0x20, 0x0B);
        Assert.Equal(0x08, In(0x20));
    }

    [Fact]
    public void RotationOnNonSpecificEoiMakesTheServedInputLowest()
    {
        Initialize();
        Pulse(3);
        _pics.Acknowledge();
        Out(0x20, 0xA0);
        Pulse(3);
        Pulse(4);
        Assert.Equal(0x34, _pics.Acknowledge());
        Out(0x20, 0x20);
        Pulse(0);
        Assert.Equal(0x30, _pics.Acknowledge()); // order now 4 5 6 7 0 1 2 3
    }

    [Fact]
    public void SetPriorityAndRotateOnSpecificEoi()
    {
        Initialize();
        Out(0x20, 0xC0 | 5);                      // lowest is 5: order 6 7 0 ...
        Pulse(0);
        Pulse(6);
        Assert.Equal(0x36, _pics.Acknowledge());
        Out(0x20, 0xE0 | 6);                      // end 6, which becomes lowest: order 7 0 1 ...
        Pulse(6);
        Assert.Equal(0x30, _pics.Acknowledge());
    }

    [Fact]
    public void AutomaticEoiNeedsNoCommandAndRotatesWhenAsked()
    {
        Initialize(masterIcw4: 0x03);
        Pulse(1);
        Pulse(5);
        Assert.Equal(0x31, _pics.Acknowledge());
        Assert.Equal(0x35, _pics.Acknowledge());
        Out(0x20, 0x80);                          // rotate in automatic EOI mode
        Pulse(1);
        Assert.Equal(0x31, _pics.Acknowledge());
        Pulse(1);
        Pulse(5);
        Assert.Equal(0x35, _pics.Acknowledge());
        Out(0x20, 0x00);
    }

    [Fact]
    public void SpecialMaskLetsLowerInputsThrough()
    {
        Initialize();
        Pulse(1);
        _pics.Acknowledge();
        Out(0x21, 0x02);
        Pulse(5);
        Assert.False(_pics.Output);
        Out(0x20, 0x68);                          // set special mask
        Assert.True(_pics.Output);
        Assert.Equal(0x35, _pics.Acknowledge());
        Out(0x20, 0x20);                          // non-specific EOI passes over the masked 1
        Out(0x20, 0x0B);
        Assert.Equal(0x02, In(0x20));
        Out(0x20, 0x48);
        Pulse(6);
        Assert.False(_pics.Output);
    }

    [Fact]
    public void PollAcknowledgesByReading()
    {
        Initialize();
        Out(0x20, 0x0C);
        Assert.Equal(0x00, In(0x20) & 0x80);
        Pulse(3);
        Out(0x20, 0x0C);
        Assert.Equal(0x83, In(0x20));
        Out(0x20, 0x0B);
        Assert.Equal(0x08, In(0x20));
    }

    [Fact]
    public void ARequestThatWentAwayIsSpurious()
    {
        Initialize();
        Out(0x4D0, 0x20);                         // 5 by level
        _pics.SetLine(5, true);
        _pics.SetLine(5, false);
        Assert.Equal(0x37, _pics.Acknowledge());
        Out(0x20, 0x0B);
        Assert.Equal(0x00, In(0x20));             // nothing in service: no EOI needed

        Out(0x4D1, 0x04);                         // 10 by level; the master has latched the cascade's edge
        _pics.SetLine(10, true);
        _pics.SetLine(10, false);
        Assert.Equal(0x3F, _pics.Acknowledge());
        Assert.Equal(0x04, In(0x20));             // the master's cascade is in service, the slave has nothing
        Out(0xA0, 0x0B);
        Assert.Equal(0x00, In(0xA0));
    }

    [Fact]
    public void LevelTriggeredRequestsComeAgainUntilTheLineFalls()
    {
        Initialize();
        Out(0x4D1, 0x02);
        _pics.SetLine(9, true);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0x39, _pics.Acknowledge());
            Assert.False(_pics.Output);
            Out(0xA0, 0x20);
            Out(0x20, 0x20);
            Assert.True(_pics.Output);
        }
        _pics.Acknowledge();
        _pics.SetLine(9, false);
        Out(0xA0, 0x20);
        Out(0x20, 0x20);
        Assert.False(_pics.Output);
    }

    [Fact]
    public void EdgeTriggeredLineThatStaysHighRequestsOnce()
    {
        Initialize();
        _pics.SetLine(4, true);
        _pics.Acknowledge();
        Out(0x20, 0x20);
        Assert.False(_pics.Output);
        _pics.SetLine(4, true);
        Assert.False(_pics.Output);
        _pics.SetLine(4, false);
        _pics.SetLine(4, true);
        Assert.True(_pics.Output);
    }

    [Fact]
    public void ElcrKeepsTheFixedEdges()
    {
        Out(0x4D0, 0xFF);
        Out(0x4D1, 0xFF);
        Assert.Equal(0xF8, In(0x4D0));            // 0, 1, 2 are edge
        Assert.Equal(0xDE, In(0x4D1));            // 8 and 13 are edge
    }

    [Fact]
    public void SlaveRequestsBackToBackEachReachTheMaster()
    {
        Initialize(slaveIcw4: 0x03);
        Pulse(8);
        Pulse(12);
        Assert.Equal(0x38, _pics.Acknowledge());
        Out(0x20, 0x20);
        Assert.True(_pics.Output);
        Assert.Equal(0x3C, _pics.Acknowledge());
    }

    [Fact]
    public void FullyNestedModeLetsAHigherSlaveInputInterruptALowerOne()
    {
        Initialize(masterIcw4: 0x11);
        Pulse(12);
        Assert.Equal(0x3C, _pics.Acknowledge());
        Pulse(8);
        Assert.True(_pics.Output);
        Assert.Equal(0x38, _pics.Acknowledge());
        Initialize();
        Pulse(12);
        Assert.Equal(0x3C, _pics.Acknowledge());
        Pulse(8);
        Assert.False(_pics.Output);
    }

    [Fact]
    public void InitializationForgetsRequestsMaskAndService()
    {
        Initialize();
        Pulse(3);
        _pics.Acknowledge();
        _pics.SetLine(4, true);
        Out(0x21, 0x55);
        Initialize();
        Assert.Equal(0x00, In(0x21));
        Assert.Equal(0x00, In(0x20));             // 4 is still high, but needs a new edge
        Out(0x20, 0x0B);
        Assert.Equal(0x00, In(0x20));
        Assert.False(_pics.Output);
    }

    [Fact]
    public void OutputIsReportedByChange()
    {
        Initialize();
        _outputs.Clear();
        Pulse(3);
        Pulse(4);
        _pics.Acknowledge();
        Out(0x20, 0x20);
        Assert.Equal([true, false, true], _outputs);
    }

    /// <summary>"End of interrupt (EOI)": a non-specific one ends the highest in service, a specific one the input that it names, AEOI at the acknowledgement.</summary>
    [Fact]
    public void TellsWhichInterruptEnds()
    {
        List<int> ended = [];
        _pics.Master.Ended = ended.Add;
        _pics.Slave.Ended = input => ended.Add(8 + input);
        Initialize(slaveIcw4: 0x03);
        Pulse(3);
        Pulse(4);
        _pics.Acknowledge();
        Assert.Empty(ended);
        Out(0x20, 0x20);
        Out(0x20, 0x20);
        Assert.Equal([3], ended);
        _pics.Acknowledge();
        Out(0x20, 0x64);
        Assert.Equal([3, 4], ended);
        Pulse(12);
        _pics.Acknowledge();
        Assert.Equal([3, 4, 12], ended);
    }
}
