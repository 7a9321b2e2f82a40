using Vitrine.Devices.Buses;
using Vitrine.Devices.Power;
using Xunit;

namespace Vitrine.Tests.Devices.Power;

/// <summary>Expected values: ACPI 6.4, section 4.8.3.</summary>
public sealed class AcpiPowerManagementTests
{
    private readonly ManualClock _clock = new();
    private readonly LineRecorder _lines = new();
    private readonly PortBus _bus = new();
    private readonly AcpiPowerManagement _power;
    private int _offs;

    public AcpiPowerManagementTests()
    {
        _power = new(_clock, _lines.Line(9), () => _offs++);
        _bus.Attach(_power, AcpiPowerManagementRegisters.Port, AcpiPowerManagementRegisters.PortCount);
    }

    private void Out(int port, int size, uint value) => _bus.Access((ushort)port, size, isWrite: true, BitConverter.GetBytes(value));

    private uint In(int port, int size)
    {
        byte[] data = new byte[4];
        _bus.Access((ushort)port, size, isWrite: false, data);
        return BitConverter.ToUInt32(data);
    }

    [Fact]
    public void AcpiModeIsAlwaysOn()
    {
        Assert.Equal(0x0001u, In(0x604, 2));
        Out(0x604, 2, 0);
        Assert.Equal(0x0001u, In(0x604, 2));
    }

    [Theory]
    [InlineData(2, 0x3401, 1)]                     // SLP_EN, type 5
    [InlineData(2, 0x1401, 0)]                     // type alone
    [InlineData(2, 0x3C01, 0)]                     // type 7
    [InlineData(2, 0x2001, 0)]                     // type 0
    [InlineData(4, 0x3401, 1)]
    public void SleepTypeFiveWithSleepEnablePowersOff(int size, uint value, int offs)
    {
        Out(0x604, size, value);
        Assert.Equal(offs, _offs);
        Assert.Equal(value & 0x1C00, In(0x604, 2) & 0x3C00); // SLP_EN reads 0
    }

    [Fact]
    public void BytesWriteTheControlRegisterToo()
    {
        Out(0x605, 1, 0x14);
        Assert.Equal(0, _offs);
        Out(0x605, 1, 0x34);
        Assert.Equal(1, _offs);
    }

    [Fact]
    public void ThePowerButtonRaisesTheSciUntilItIsCleared()
    {
        _power.PressPowerButton();
        Assert.False(_lines.Level(9));
        Assert.Equal(0x0100u, In(0x600, 2));
        Out(0x602, 2, 0x0100);
        Assert.True(_lines.Level(9));
        Out(0x600, 2, 0xFEFF);
        Assert.True(_lines.Level(9));
        Out(0x600, 2, 0x0100);
        Assert.False(_lines.Level(9));
        Assert.Equal(0x0100_0000u, In(0x600, 4));
    }

    [Fact]
    public void OnlyDefinedEnableBitsAreKept()
    {
        Out(0x602, 2, 0xFFFF);
        Assert.Equal(0x0521u, In(0x602, 2) & ~0x0200u); // sleep button is optional
    }

    [Theory]
    [InlineData(1_000_000_000L, 3_579_545u)]
    [InlineData(1_500_000_000_000L, 1_074_350_204u)]    // 1,500 s: past 2^32 once
    public void TheTimerRunsAtItsFrequency(long nanoseconds, uint expected)
    {
        _clock.Advance(nanoseconds);
        Assert.Equal(expected, In(0x608, 4));
        Assert.Equal(expected >> 16, In(0x60A, 2));
        Out(0x608, 4, 0);
        Assert.Equal(expected, In(0x608, 4));
    }

    [Fact]
    public void TheTimersTopBitSetsItsStatusAndInterrupts()
    {
        long half = (long)Math.Ceiling((1L << 31) * 1e9 / 3_579_545);
        _clock.AdvanceTo(half - 1000);
        Assert.Equal(0u, In(0x600, 2));
        _clock.AdvanceTo(half + 1000);
        Assert.Equal(0x0001u, In(0x600, 2));
        Out(0x602, 2, 0x0001);
        Assert.True(_lines.Level(9));
        Out(0x600, 2, 0x0001);
        Assert.False(_lines.Level(9));
        _clock.AdvanceTo(2 * half + 1000);
        Assert.True(_lines.Level(9));
    }
}
