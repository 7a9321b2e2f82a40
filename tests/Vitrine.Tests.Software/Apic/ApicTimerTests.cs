using Vitrine.Accelerators.Software.Apic;
using Xunit;

namespace Vitrine.Tests.Software.Apic;

/// <summary>SDM vol. 3, "APIC Timer"; the clock before the divider has 1 GHz.</summary>
public sealed class ApicTimerTests
{
    private const uint Periodic = 1u << 17, Deadline = 2u << 17, Masked = 1u << 16, Vector = 0x30;
    private readonly FakeClock _clock = new() { Now = 5000 };
    private readonly LocalApic _apic;

    public ApicTimerTests()
    {
        _apic = new LocalApic(0, _clock);
        _apic.Write(0xF0, 0x1FF);
    }

    private bool Fires(long time)
    {
        _clock.Now = time;
        _apic.Advance(time);
        if (!_apic.HasDeliverableInterrupt(out byte vector))
            return false;
        Assert.Equal(Vector, vector);
        _apic.Acknowledge();
        _apic.Write(0xB0, 0);
        return true;
    }

    [Theory]
    [InlineData(0u, 2)]
    [InlineData(1u, 4)]
    [InlineData(2u, 8)]
    [InlineData(3u, 16)]
    [InlineData(8u, 32)]
    [InlineData(9u, 64)]
    [InlineData(10u, 128)]
    [InlineData(11u, 1)]
    public void OneShotWithEachDivider(uint code, int divider)
    {
        _apic.Write(0x320, Vector);
        _apic.Write(0x3E0, code);
        _apic.Write(0x380, 100);
        long end = 5000 + (100 * divider);
        Assert.Equal(end, _apic.NextDeadline);
        Assert.Equal(100u, _apic.Read(0x390));
        _clock.Now = 5000 + (30 * divider);
        Assert.Equal(70u, _apic.Read(0x390));
        Assert.False(Fires(end - 1));
        Assert.True(Fires(end));
        Assert.Equal(0u, _apic.Read(0x390));
        Assert.Equal(100u, _apic.Read(0x380));
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
        Assert.False(Fires(end * 10));
    }

    [Fact]
    public void PeriodicModeGoesOnWithoutDrift()
    {
        _apic.Write(0x320, Vector | Periodic);
        _apic.Write(0x3E0, 0xB);
        _apic.Write(0x380, 1000);
        Assert.True(Fires(6003)); // late
        Assert.Equal(7000, _apic.NextDeadline);
        Assert.Equal(997u, _apic.Read(0x390));
        Assert.True(Fires(9500)); // three periods at once make one interrupt
        Assert.False(Fires(9999));
        Assert.Equal(1u, _apic.Read(0x390));
        Assert.True(Fires(10_000));
        _apic.Write(0x380, 0);
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
        Assert.Equal(0u, _apic.Read(0x390));
    }

    [Fact]
    public void MaskedItCountsButDoesNotFire()
    {
        _apic.Write(0x320, Vector | Periodic | Masked);
        _apic.Write(0x3E0, 0xB);
        _apic.Write(0x380, 1000);
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
        _clock.Now = 6200;
        Assert.Equal(800u, _apic.Read(0x390));
        _apic.Write(0x320, Vector | Periodic);
        Assert.False(Fires(6200)); // what passed under the mask is gone
        Assert.Equal(7000, _apic.NextDeadline);
    }

    [Fact]
    public void ANewDividerAppliesToWhatIsLeft()
    {
        _apic.Write(0x320, Vector);
        _apic.Write(0x3E0, 0xB);
        _apic.Write(0x380, 1000);
        _clock.Now = 5600;
        _apic.Write(0x3E0, 0); // by 2 from now on
        Assert.Equal(400u, _apic.Read(0x390));
        Assert.Equal(5600 + 800, _apic.NextDeadline);
    }

    [Fact]
    public void WritingTheCountStartsAnew()
    {
        _apic.Write(0x320, Vector);
        _apic.Write(0x3E0, 0xB);
        _apic.Write(0x380, 1000);
        _clock.Now = 5600;
        _apic.Write(0x380, 1000);
        Assert.Equal(6600, _apic.NextDeadline);
    }

    [Fact]
    public void TscDeadline()
    {
        _clock.TscOffset = 100_000; // TSC = time + offset
        _apic.TscDeadline = 106_000;
        Assert.Equal(0UL, _apic.TscDeadline); // not in this mode
        _apic.Write(0x320, Vector | Deadline);
        _apic.TscDeadline = 106_000;
        Assert.Equal(106_000UL, _apic.TscDeadline);
        Assert.Equal(6000, _apic.NextDeadline);
        _apic.Write(0x380, 7); // ignored here
        Assert.Equal((0u, 0u), (_apic.Read(0x380), _apic.Read(0x390)));
        Assert.False(Fires(5999));
        Assert.True(Fires(6000));
        Assert.Equal(0UL, _apic.TscDeadline);
        Assert.False(Fires(7000));

        _apic.TscDeadline = 1; // long past: at once
        Assert.True(Fires(7000));

        _apic.TscDeadline = 109_000;
        _clock.TscOffset = 101_000; // the guest moved its counter
        _apic.OnTscChanged();
        Assert.Equal(8000, _apic.NextDeadline);
        _apic.TscDeadline = 0; // disarms
        Assert.Equal(long.MaxValue, _apic.NextDeadline);

        _apic.TscDeadline = 110_000;
        _apic.Write(0x320, Vector); // leaving the mode disarms
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
        Assert.Equal(0UL, _apic.TscDeadline);
        _apic.Write(0x320, Vector | Deadline);
        _apic.TscDeadline = ulong.MaxValue;
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
    }

    [Fact]
    public void EnteringDeadlineModeStopsACount()
    {
        _apic.Write(0x320, Vector);
        _apic.Write(0x380, 1000);
        _apic.Write(0x320, Vector | Deadline);
        Assert.Equal(long.MaxValue, _apic.NextDeadline);
        _apic.Write(0x320, Vector);
        Assert.Equal(0u, _apic.Read(0x390));
    }

    [Fact]
    public void OneShotBecomesPeriodicWhileItCounts()
    {
        _apic.Write(0x3E0, 0xB);
        _apic.Write(0x320, Vector);
        _apic.Write(0x380, 1000);
        _clock.Now = 5500;
        _apic.Write(0x320, Vector | Periodic);
        Assert.True(Fires(6000));
        Assert.True(Fires(7000));
    }
}
