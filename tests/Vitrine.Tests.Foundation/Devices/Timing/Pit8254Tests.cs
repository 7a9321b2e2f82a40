using Vitrine.Devices.Buses;
using Vitrine.Devices.Timing;
using Xunit;

namespace Vitrine.Tests.Devices.Timing;

/// <summary>Expected values: Intel 8254 data sheet, mode definitions and timing diagrams; input 1,193,182 Hz.</summary>
public sealed class Pit8254Tests
{
    private readonly ManualClock _clock = new();
    private readonly LineRecorder _lines = new();
    private readonly PortBus _bus = new();

    public Pit8254Tests()
    {
        Pit8254 pit = new(_clock, _lines.Line(0));
        _bus.Attach(pit, 0x40, 4);
        _bus.Attach(new SystemControlPortB(pit), 0x61, 1);
    }

    private void Out(int port, int value) => _bus.Access((ushort)port, 1, isWrite: true, [(byte)value]);

    private byte In(int port)
    {
        byte[] data = new byte[1];
        _bus.Access((ushort)port, 1, isWrite: false, data);
        return data[0];
    }

    /// <summary>Moves to the moment of an input clock, counted from the start.</summary>
    private void ToClock(long clocks) => _clock.AdvanceTo((long)Math.Ceiling(clocks * 1e9 / 1_193_182));

    private bool Output2 => (In(0x61) & 0x20) != 0;

    private int Count(int counter)
    {
        Out(0x43, counter << 6);
        return In(0x40 + counter) | (In(0x40 + counter) << 8);
    }

    private void Program(int counter, int mode, int count, bool bcd = false)
    {
        Out(0x43, (counter << 6) | 0x30 | (mode << 1) | (bcd ? 1 : 0));
        Out(0x40 + counter, count & 0xFF);
        Out(0x40 + counter, count >> 8);
    }

    [Fact]
    public void NothingHappensBeforeItIsProgrammed()
    {
        _clock.Advance(10_000_000_000);
        Out(0x43, 0x34);
        _clock.Advance(10_000_000_000);
        Out(0x40, 0x00);
        _clock.Advance(10_000_000_000);
        Assert.Equal(0, _lines.Edges(0));
    }

    // Mode, count, then the output just before and from each clock after the one at which the count was written.
    // The counting element is loaded one clock after the write (figures 15 to 20).
    public static TheoryData<int, int, string> Waveforms => new()
    {
        //           clock: 0123456789
        { 0, 4,          "LLLLLHHHHH" },  // N + 1 clocks after the write
        { 0, 3,          "LLLLHHHHHH" },
        { 2, 3,          "HHHLHHLHHL" },  // low while the count is 1, period N
        { 3, 4,          "HHHLLHHLLH" },
        { 3, 5,          "HHHHLLHHHL" },  // (N + 1) / 2 high, (N - 1) / 2 low
        { 4, 3,          "HHHHLHHHHH" },  // one clock low, N + 1 after the write
    };

    [Theory]
    [MemberData(nameof(Waveforms))]
    public void OutputFollowsTheWaveform(int mode, int count, string expected)
    {
        Out(0x61, 0x01);
        Program(2, mode, count);
        string seen = "";
        for (int i = 0; i < expected.Length; i++)
        {
            ToClock(i);
            seen += Output2 ? 'H' : 'L';
        }
        Assert.Equal(expected, seen);
    }

    [Theory]
    //       clock after the trigger: 0123456789
    [InlineData(1, 3, "HLLLHHHHHH")]
    [InlineData(5, 3, "HHHHLHHHHH")]
    public void TriggeredModesWaitForTheGate(int mode, int count, string expected)
    {
        Program(2, mode, count);
        ToClock(20);
        Assert.True(Output2);
        for (int trigger = 0; trigger < 2; trigger++)
        {
            long start = 40 + 100 * trigger;
            ToClock(start);
            Out(0x61, 0x00);
            Out(0x61, 0x01);
            string seen = "";
            for (int i = 0; i < expected.Length; i++)
            {
                ToClock(start + i);
                seen += Output2 ? 'H' : 'L';
            }
            Assert.Equal(expected, seen);
        }
    }

    [Fact]
    public void ARetriggeredOneShotStartsAnew()
    {
        Program(2, 1, 10);
        Out(0x61, 0x01);
        ToClock(8);
        Assert.False(Output2);
        Out(0x61, 0x00);
        Out(0x61, 0x01);
        ToClock(18);
        Assert.False(Output2);
        ToClock(19);
        Assert.True(Output2);
    }

    [Theory]
    [InlineData(0, 100, 50, 51)]
    [InlineData(0, 100, 101, 0)]
    [InlineData(0, 100, 102, 0xFFFF)]              // modes 0, 1, 4 and 5 wrap around and go on
    [InlineData(2, 100, 50, 51)]
    [InlineData(2, 100, 101, 100)]
    [InlineData(2, 100, 102, 99)]
    [InlineData(3, 100, 11, 80)]                   // mode 3 counts by two
    [InlineData(3, 100, 61, 80)]
    [InlineData(2, 0, 2, 0xFFFF)]                  // 0 stands for 65,536
    [InlineData(4, 100, 102, 0xFFFF)]
    public void CountIsRead(int mode, int count, long clock, int expected)
    {
        Program(0, mode, count);
        ToClock(clock);
        Assert.Equal(expected, Count(0));
    }

    [Theory]
    [InlineData(0x0100, 51, 0x0050)]
    [InlineData(0x0000, 2, 0x9999)]                // 0 stands for 10,000
    [InlineData(0x0100, 102, 0x9999)]
    public void BcdCounts(int count, long clock, int expected)
    {
        Program(0, 0, count, bcd: true);
        ToClock(clock);
        Assert.Equal(expected, Count(0));
    }

    [Fact]
    public void LatchHoldsUntilReadAndIgnoresASecondOne()
    {
        Program(0, 2, 1000);
        ToClock(101);
        Out(0x43, 0x00);
        ToClock(201);
        Out(0x43, 0x00);
        Assert.Equal(900 & 0xFF, In(0x40));
        Assert.Equal(900 >> 8, In(0x40));
        Assert.Equal(800 & 0xFF, In(0x40));
        ToClock(202);
        Assert.Equal(799 >> 8, In(0x40));
    }

    [Theory]
    [InlineData(0x10, 0x55, 0x0055)]               // low byte only
    [InlineData(0x20, 0x02, 0x0200)]               // high byte only
    public void OneByteAccess(int access, int written, int expected)
    {
        Out(0x43, access | 0x04);
        Out(0x40, written);
        ToClock(1);
        byte read = In(0x40);
        Assert.Equal(access == 0x10 ? expected & 0xFF : expected >> 8, read);
        Assert.Equal(read, In(0x40));
    }

    [Fact]
    public void ReadBackLatchesStatusThenCountOfEachSelectedCounter()
    {
        Program(0, 2, 1000);
        Out(0x61, 0x01);
        Program(2, 0, 500);
        ToClock(101);
        Out(0x43, 0xC0 | 0x0A);                    // count and status of 0 and 2
        ToClock(301);
        Assert.Equal(0x80 | 0x34, In(0x40));       // output high, loaded, two bytes, mode 2
        Assert.Equal(900, In(0x40) | (In(0x40) << 8));
        Assert.Equal(0x00 | 0x30, In(0x42));       // output low
        Assert.Equal(400, In(0x42) | (In(0x42) << 8));
        Out(0x43, 0xE0 | 0x08);                    // status only
        ToClock(601);
        Assert.Equal(0x30, In(0x42));
        Out(0x43, 0x36);
        Out(0x43, 0xE0 | 0x02);
        Assert.Equal(0xF6, In(0x40));              // null count: nothing loaded since the control word
    }

    [Fact]
    public void GateHoldsModes0And4AndRestartsModes2And3()
    {
        Out(0x61, 0x01);
        Program(2, 0, 100);
        ToClock(11);
        Out(0x61, 0x00);
        ToClock(1000);
        Assert.Equal(90, Count(2));
        Assert.False(Output2);
        Out(0x61, 0x01);
        ToClock(1089);
        Assert.False(Output2);
        ToClock(1090);
        Assert.True(Output2);

        Program(2, 2, 100);
        ToClock(1090 + 51);
        Out(0x61, 0x00);
        Assert.True(Output2);
        ToClock(2000);
        Out(0x61, 0x01);
        ToClock(2001 + 10);
        Assert.Equal(90, Count(2));
    }

    [Fact]
    public void ANewCountWaitsForTheEndOfThePeriod()
    {
        Program(0, 2, 100);
        ToClock(51);
        Out(0x40, 10);
        Out(0x40, 0);
        ToClock(100);
        Assert.Equal(1, Count(0));
        ToClock(101);
        Assert.Equal(10, Count(0));
        ToClock(1000);
        // Edges: clock 101 by the old count, then every 10 clocks. The line is not driven more than once in 24 clocks.
        Program(0, 2, 100);
        ToClock(1051);
        int before = _lines.Edges(0);
        Out(0x40, 50);
        Out(0x40, 0);
        ToClock(1100);
        Assert.Equal(before, _lines.Edges(0));
        ToClock(1101);
        Assert.Equal(before + 1, _lines.Edges(0));
        ToClock(1151);
        Assert.Equal(before + 2, _lines.Edges(0));
    }

    [Fact]
    public void ANewSquareWaveCountWaitsForTheEndOfTheHalfPeriod()
    {
        Out(0x61, 0x01);
        Program(2, 3, 100);
        ToClock(11);
        Out(0x42, 10);
        Out(0x42, 0);
        ToClock(50);
        Assert.True(Output2);
        for (int clock = 51; clock < 80; clock++)
        {
            ToClock(clock);
            Assert.Equal((clock - 51) / 5 % 2 == 1, Output2);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void PeriodicInterruptsDoNotDrift(int mode)
    {
        Program(0, mode, 11932);                   // 100 Hz: Linux with HZ=100
        long seconds = 3600;
        for (int i = 0; i < seconds; i++) _clock.Advance(1_000_000_000);
        Assert.Equal((seconds * 1_193_182 - 1) / 11932, _lines.Edges(0));
    }

    [Fact]
    public void ALateHostGetsOneEdgeAndTheGridStays()
    {
        Program(0, 2, 1000);
        _clock.Stall((long)(10_500 * 1e9 / 1_193_182));
        Assert.Equal(1, _lines.Edges(0));
        ToClock(11_000);
        Assert.Equal(1, _lines.Edges(0));
        ToClock(11_001);
        Assert.Equal(2, _lines.Edges(0));
    }

    [Fact]
    public void OneShotInterruptsOncePerCount()
    {
        Program(0, 0, 1000);                       // Linux' pit_next_event
        ToClock(1000);
        Assert.Equal(0, _lines.Edges(0));
        ToClock(1001);
        Assert.Equal(1, _lines.Edges(0));
        ToClock(100_000);
        Assert.Equal(1, _lines.Edges(0));
        Out(0x40, 0xE8);
        Assert.False(_lines.Level(0));
        Out(0x40, 0x03);
        ToClock(101_001);
        Assert.Equal(2, _lines.Edges(0));
    }

    [Fact]
    public void TheFastestProgramDoesNotFloodTheHost()
    {
        Program(0, 2, 2);
        _clock.Advance(1_000_000_000);
        Assert.InRange(_lines.Edges(0), 1, 60_000);
        Program(0, 2, 1);
        int before = _lines.Edges(0);
        _clock.Advance(1_000_000_000);
        Assert.Equal(before, _lines.Edges(0));
    }

    [Fact]
    public void LinuxQuickCalibrationSeesTheMsbFall()
    {
        // arch/x86/kernel/tsc.c, quick_pit_calibrate: mode 0 from 0xFFFF, the high byte must fall by 1 each 256 clocks.
        Out(0x61, (In(0x61) & ~0x02) | 0x01);
        Out(0x43, 0xB0);
        Out(0x42, 0xFF);
        Out(0x42, 0xFF);
        for (int i = 0; i < 50; i++)
        {
            ToClock(256 * i + 2);
            In(0x42);
            Assert.Equal(0xFF - i, In(0x42));
        }
    }

    [Fact]
    public void PortBKeepsItsBitsAndShowsTheRefresh()
    {
        Out(0x61, 0xFF);
        Assert.Equal(0x0F, In(0x61) & 0xCF);
        Out(0x61, 0x02);
        Assert.Equal(0x02, In(0x61) & 0xCF);
        int changes = 0;
        int last = In(0x61) & 0x10;
        for (int i = 0; i < 1000; i++)
        {
            _clock.Advance(1_000);
            int now = In(0x61) & 0x10;
            if (now != last) changes++;
            last = now;
        }
        Assert.InRange(changes, 65, 67);           // 1 ms / 15.09 us
    }

    [Fact]
    public void ControlWordCannotBeRead() => Assert.Equal(0xFF, In(0x43));
}
