using Vitrine.Devices.Buses;
using Vitrine.Devices.Timing;
using Xunit;

namespace Vitrine.Tests.Devices.Timing;

/// <summary>Expected values: Motorola MC146818A data sheet; memory sizes: the CMOS map that SeaBIOS and Bochs read.</summary>
public sealed class CmosRtcTests
{
    private const int Irq = 8;
    private const long Second = 1_000_000_000;
    private readonly ManualClock _clock = new();  // 2024-02-28 23:59:50, a Wednesday
    private readonly LineRecorder _lines = new();
    private readonly PortBus _bus = new();
    private readonly CmosRtc _rtc;

    public CmosRtcTests()
    {
        _rtc = new(_clock, _lines.Line(Irq), 0xC000_0000, 5UL << 30);
        _bus.Attach(_rtc, 0x70, 2);
    }

    private void Write(int register, int value)
    {
        _bus.Access(0x70, 1, isWrite: true, [(byte)register]);
        _bus.Access(0x71, 1, isWrite: true, [(byte)value]);
    }

    private byte Read(int register)
    {
        byte[] data = new byte[1];
        _bus.Access(0x70, 1, isWrite: true, [(byte)register]);
        _bus.Access(0x71, 1, isWrite: false, data);
        return data[0];
    }

    private string TimeRegisters => Convert.ToHexString([Read(0x32), Read(9), Read(8), Read(7), Read(6), Read(4), Read(2), Read(0)]);

    [Theory]
    [InlineData(0x02, 0, "2024022804235950")]     // BCD, 24 hours: what PCs use
    [InlineData(0x02, 10, "2024022905000000")]
    [InlineData(0x06, 0, "1418021C04173B32")]     // binary
    [InlineData(0x00, 0, "2024022804915950")]     // BCD, 12 hours, afternoon
    [InlineData(0x00, 10, "2024022905120000")]    // midnight is 12 in the morning
    [InlineData(0x04, 43210, "1418021D058C0000")] // noon is 12 in the afternoon
    public void ShowsTheHostsTimeInTheChosenFormat(int format, int seconds, string expected)
    {
        Write(0x0B, format);
        _clock.Advance(seconds * Second);
        Assert.Equal(expected, TimeRegisters);
    }

    [Fact]
    public void SettingTheTimeKeepsRunningFromThere()
    {
        Write(0x0B, 0x82);
        string frozen = TimeRegisters;
        _clock.Advance(5 * Second);
        Assert.Equal(frozen, TimeRegisters);
        foreach ((int register, int value) in new[] { (0x32, 0x19), (9, 0x99), (8, 0x12), (7, 0x31), (4, 0x23), (2, 0x59), (0, 0x59) })
            Write(register, value);
        Write(0x0B, 0x02);
        Assert.Equal("1999123106235959", TimeRegisters);
        _clock.Advance(Second);
        Assert.Equal("2000010107000000", TimeRegisters);
    }

    [Fact]
    public void TheFirstUpdateComesHalfASecondAfterTheDividerIsReleased()
    {
        // As Linux sets the time: SET, divider reset, registers, then both back.
        Write(0x0B, 0x82);
        Write(0x0A, 0x76);
        Write(0, 0x10);
        Write(0x0B, 0x02);
        _clock.Advance(3 * Second);
        Assert.Equal(0x10, Read(0));
        Write(0x0A, 0x26);
        _clock.Advance(Second / 2 - 1_000_000);
        Assert.Equal(0x10, Read(0));
        _clock.Advance(2_000_000);
        Assert.Equal(0x11, Read(0));
    }

    [Fact]
    public void UpdateInProgressPrecedesEachUpdate()
    {
        Assert.Equal(0x26, Read(0x0A));
        _clock.Advance(Second - 2_229_000);
        Assert.Equal(0x26, Read(0x0A));
        _clock.Advance(2_000);
        Assert.Equal(0xA6, Read(0x0A));
        _clock.Advance(2_227_000);
        Assert.Equal(0x26, Read(0x0A));
        Assert.Equal(0x51, Read(0));
        Write(0x0B, 0x82);
        _clock.Advance(Second - 1_000_000);
        Assert.Equal(0x26, Read(0x0A));           // SET: no update
    }

    [Fact]
    public void UpdateEndedInterruptsEachSecond()
    {
        Write(0x0B, 0x12);
        for (int i = 1; i <= 5; i++)
        {
            _clock.Advance(Second);
            Assert.Equal(i, _lines.Edges(Irq));
            Assert.True(_lines.Level(Irq));
            Assert.Equal(0x90, Read(0x0C) & 0x90);
            Assert.False(_lines.Level(Irq));
            Assert.Equal(0x00, Read(0x0C));
        }
    }

    [Theory]
    [InlineData(0x06, 1024)]
    [InlineData(0x0F, 2)]
    [InlineData(0x01, 256)]
    [InlineData(0x02, 128)]
    [InlineData(0x03, 8192)]
    [InlineData(0x00, 0)]
    public void PeriodicInterruptsHaveTheirRate(int rate, int hertz)
    {
        Write(0x0A, 0x20 | rate);
        Write(0x0B, 0x42);
        int seen = 0;
        for (int i = 0; i < 100_000; i++)
        {
            _clock.Advance(10_000);
            if (!_lines.Level(Irq)) continue;
            Assert.Equal(0xC0, Read(0x0C) & 0xC0);
            seen++;
        }
        Assert.Equal(hertz, seen);
    }

    [Theory]
    [InlineData(0x23, 0x59, 0x55, 5)]
    [InlineData(0x00, 0x00, 0x00, 10)]
    [InlineData(0xFF, 0xFF, 0x07, 17)]            // any hour, any minute
    [InlineData(0xC0, 0x01, 0x00, 70)]
    [InlineData(0xFF, 0xFF, 0xFF, 1)]
    [InlineData(0x23, 0x59, 0x50, 86400)]         // tomorrow
    [InlineData(0x24, 0x00, 0x00, 0)]             // never
    [InlineData(0x12, 0x6A, 0x00, 0)]
    public void AlarmMatches(int hours, int minutes, int seconds, int after)
    {
        Write(5, hours);
        Write(3, minutes);
        Write(1, seconds);
        Write(0x0B, 0x22);
        if (after == 0)
        {
            _clock.Advance(3 * 86400 * Second);
            Assert.Equal(0, _lines.Edges(Irq));
            return;
        }
        _clock.Advance(after * Second - 1);
        Assert.Equal(0, _lines.Edges(Irq));
        _clock.Advance(1);
        Assert.Equal(1, _lines.Edges(Irq));
        Assert.Equal(0xA0, Read(0x0C) & 0xA0);
    }

    [Fact]
    public void FlagsAreSetWithoutBeingEnabled()
    {
        Write(1, 0xFF);
        Write(3, 0xFF);
        Write(5, 0xFF);
        Read(0x0C);
        _clock.Advance(Second);
        Assert.Equal(0x70, Read(0x0C));           // periodic, alarm, update; no interrupt
        Assert.Equal(0, _lines.Edges(Irq));
    }

    [Fact]
    public void EnablingAFlagThatIsSetInterruptsAtOnce()
    {
        _clock.Advance(2 * Second);
        Write(0x0B, 0x12);
        Assert.True(_lines.Level(Irq));
    }

    [Fact]
    public void SettingDisablesTheUpdateInterrupt()
    {
        Write(0x0B, 0x92);
        Assert.Equal(0x82, Read(0x0B));
    }

    [Fact]
    public void MemorySizesAreStored()
    {
        Assert.Equal(640, Read(0x15) | (Read(0x16) << 8));                // KiB
        Assert.Equal(0xFFFF, Read(0x17) | (Read(0x18) << 8));             // KiB above 1 MiB, as much as fits
        Assert.Equal(0xFFFF, Read(0x30) | (Read(0x31) << 8));
        Assert.Equal((0xC00 - 0x10) << 4, Read(0x34) | (Read(0x35) << 8));
        Assert.Equal(5 << 14, Read(0x5B) | (Read(0x5C) << 8) | (Read(0x5D) << 16));
    }

    [Fact]
    public void SmallMemoryIsStored()
    {
        PortBus bus = new();
        bus.Attach(new CmosRtc(_clock, _lines.Line(Irq), 8 << 20, 0), 0x70, 2);
        byte At(byte register)
        {
            byte[] data = [0];
            bus.Access(0x70, 1, isWrite: true, [register]);
            bus.Access(0x71, 1, isWrite: false, data);
            return data[0];
        }
        Assert.Equal(7 * 1024, At(0x30) | (At(0x31) << 8));
        Assert.Equal(0, At(0x34) | (At(0x35) << 8));
        Assert.Equal(0, At(0x5B) | (At(0x5C) << 8) | (At(0x5D) << 16));
    }

    [Fact]
    public void RamIsKeptAndReadOnlyRegistersAre()
    {
        Write(0x0F, 0x0A);
        Write(0x7F, 0x5A);
        Write(0x0D, 0x00);
        Write(0x0C, 0xFF);
        Assert.Equal(0x0A, Read(0x0F));
        Assert.Equal(0x5A, Read(0x7F));
        Assert.Equal(0x80, Read(0x0D));
        Assert.Equal(0x00, Read(0x0C));
    }

    [Fact]
    public void BitSevenOfTheIndexMasksTheNmi()
    {
        Read(0x80);
        Assert.True(_rtc.NmiMasked);
        Assert.Equal(0x80, Read(0x8D));
        Read(0x00);
        Assert.False(_rtc.NmiMasked);
    }

    [Theory]
    [InlineData(0x99, 0x99, 0x12, 0x31)]
    [InlineData(0x00, 0x00, 0x00, 0x00)]
    [InlineData(0xFF, 0xFF, 0xFF, 0xFF)]
    public void TheEndsOfTheCalendarAreSurvived(int century, int year, int month, int day)
    {
        Write(0x0B, 0x92);
        foreach ((int register, int value) in new[] { (0x32, century), (9, year), (8, month), (7, day), (4, 0x23), (2, 0x59), (0, 0x59) })
            Write(register, value);
        Write(0x0B, 0x32);
        _clock.Advance(100 * Second);
        Read(0);
        _clock.Advance(100 * Second);
        Assert.Equal(8 * 2, TimeRegisters.Length);
    }
}
