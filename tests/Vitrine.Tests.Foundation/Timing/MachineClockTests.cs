using System.Diagnostics;
using Vitrine.Timing;
using Xunit;

namespace Vitrine.Tests.Timing;

public sealed class MachineClockTests
{
    private readonly ManualClockSource _source = new();

    [Fact]
    public void StandsStillUntilStartedAndGoesOnWithoutAJump()
    {
        MachineClock clock = new(_source, start: 500);
        _source.Advance(1_000);
        Assert.Equal((500, true), (clock.Now, clock.IsStopped));
        clock.Start();
        _source.Advance(7);
        Assert.Equal((507, false), (clock.Now, clock.IsStopped));
        clock.Stop();
        clock.Stop();
        _source.Advance(1_000_000);
        Assert.Equal(507, clock.Now);
        clock.Start();
        clock.Start();
        Assert.Equal(507, clock.Now);
        _source.Advance(1);
        Assert.Equal(508, clock.Now);
    }

    [Fact]
    public void CalendarTimeDoesNotStandStill()
    {
        MachineClock clock = new(_source);
        _source.Advance(5_000_000_000);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(5), clock.UtcNow);
    }

    [Fact]
    public void SaysHowLongAThreadMaySleep()
    {
        MachineClock host = new();
        Assert.Equal(long.MaxValue, host.SleepUntil(0));
        host.Start();
        Assert.Equal(0, host.SleepUntil(0));
        Assert.InRange(host.SleepUntil(host.Now + 3_600_000_000_000), 1, 3_600_000_000_000);
        Assert.Equal(long.MaxValue, host.SleepUntil(long.MaxValue));

        // Nobody knows how soon a source that isn't the host's gets there.
        MachineClock driven = new(_source);
        driven.Start();
        Assert.Equal((0, long.MaxValue), (driven.SleepUntil(0), driven.SleepUntil(1)));
        _source.Advance(1);
        Assert.Equal(0, driven.SleepUntil(1));
    }

    [Fact]
    public void TellsThoseWhoWaitThatTheTimeHasMoved()
    {
        int moved = 0;
        void Count() => moved++;
        MachineClock clock = new(_source);
        clock.Moved += Count;
        clock.Start();
        clock.Start();
        Assert.Equal(1, moved);
        _source.Advance(1);
        Assert.Equal(2, moved);
        clock.Moved -= Count;
        _source.Advance(1);
        Assert.Equal(2, moved);
    }

    [Fact]
    public void NeverGoesBackForAThreadThatReadsWhileAnotherStopsAndStartsIt()
    {
        MachineClock clock = MachineClock.StartNew();
        bool done = false;
        Thread reader = new(() =>
        {
            long last = 0;
            while (!Volatile.Read(ref done))
            {
                long now = clock.Now;
                if (now < last) last = long.MaxValue; // stays: no later time is as late
                else last = now;
            }

            done = last != long.MaxValue;
        });
        reader.Start();
        Stopwatch watch = Stopwatch.StartNew();
        while (watch.ElapsedMilliseconds < 50)
        {
            clock.Stop();
            long stopped = clock.Now;
            Assert.Equal(stopped, clock.Now);
            clock.Start();
        }

        Volatile.Write(ref done, true);
        reader.Join();
        Assert.True(done, "The time went back.");
    }

    [Fact]
    public void ReadingAllocatesNothing()
    {
        MachineClock clock = MachineClock.StartNew();
        _ = clock.Now;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) _ = clock.Now;
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
