using Vitrine.Devices.Timing;
using Vitrine.Tests.Timing;
using Vitrine.Timing;
using Xunit;

namespace Vitrine.Tests.Devices.Timing;

public sealed class DeviceClockTests
{
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _failed = new();
    private (Exception Error, bool Locked) _failure;

    [Fact]
    public void ExpiresUnderTheLockInOrderAndNotBeforeTheDeadline()
    {
        using DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        using CountdownEvent done = new(3);
        List<(int Id, long At, bool Locked)> seen = [];
        IDeviceTimer[] timers = [.. Enumerable.Range(0, 3).Select(id => clock.CreateTimer(() =>
        {
            seen.Add((id, clock.Nanoseconds, _lock.IsHeldByCurrentThread));
            done.Signal();
        }))];
        long[] deadlines;
        lock (_lock)
        {
            // The lock is held while they are armed, so none can expire before all are, however slow this thread is.
            long start = clock.Nanoseconds;
            deadlines = [start + 9_300_000, start + 300_000, start + 4_000_000];
            for (int i = 0; i < 3; i++) timers[i].Arm(deadlines[i]);
        }
        Assert.True(done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        lock (_lock)
        {
            Assert.Equal([1, 2, 0], seen.Select(s => s.Id));
            Assert.All(seen, s => Assert.True(s.Locked && s.At >= deadlines[s.Id]));
        }
    }

    [Fact]
    public void AnEarlierDeadlineCutsTheSleepShortAndACancelledOneStays()
    {
        using DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        using ManualResetEventSlim expired = new();
        bool wrong = false;
        IDeviceTimer far = clock.CreateTimer(() => wrong = true);
        IDeviceTimer near = clock.CreateTimer(expired.Set);
        IDeviceTimer cancelled = clock.CreateTimer(() => wrong = true);
        far.Arm(long.MaxValue - 1);
        Thread.Yield();
        lock (_lock)
        {
            cancelled.Arm(clock.Nanoseconds);
            cancelled.Cancel();
            near.Arm(clock.Nanoseconds + 1_000_000);
        }
        Assert.True(expired.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        lock (_lock) Assert.False(wrong);
    }

    [Fact]
    public void ATimerMayRearmItselfInThePast()
    {
        using DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        using ManualResetEventSlim done = new();
        int count = 0;
        IDeviceTimer? timer = null;
        timer = clock.CreateTimer(() =>
        {
            if (++count < 100) timer!.Arm(0);
            else done.Set();
        });
        timer.Arm(0);
        Assert.True(done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void NothingExpiresWhileTheClockStandsStill()
    {
        ManualClockSource source = new();
        MachineClock time = new(source);
        using DeviceClock clock = new(_lock, time, Fail);
        using ManualResetEventSlim expired = new();
        clock.CreateTimer(expired.Set).Arm(0);
        time.Start();
        Assert.True(expired.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));

        expired.Reset();
        clock.CreateTimer(expired.Set).Arm(1_000);
        source.Advance(999);
        lock (_lock) time.Stop();
        source.Advance(1_000_000);
        Assert.False(expired.Wait(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken));
        time.Start();
        Assert.False(expired.Wait(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken));
        source.Advance(1);
        Assert.True(expired.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void NothingExpiresAfterDisposal()
    {
        int count = 0;
        DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        IDeviceTimer timer = clock.CreateTimer(() => count++);
        clock.Dispose();
        timer.Arm(0);
        clock.Dispose();
        Assert.Equal(0, count);
    }

    [Fact]
    public void MayBeDisposedByAnExpiringTimer()
    {
        using ManualResetEventSlim done = new();
        DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        clock.CreateTimer(() =>
        {
            clock.Dispose();
            done.Set();
        }).Arm(0);
        Assert.True(done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void ATimerThatThrowsEndsNoProcessAndNoneExpiresAfterIt()
    {
        bool later = false;
        using (DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail))
        {
            clock.CreateTimer(() => throw new InvalidDataException("a defect")).Arm(0);
            Assert.True(_failed.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
            clock.CreateTimer(() => later = true).Arm(0);
        }

        Assert.Equal("a defect", Assert.IsType<InvalidDataException>(_failure.Error).Message);
        Assert.False(_failure.Locked || later);
    }

    [Fact]
    public void ArmingAllocatesNothing()
    {
        using DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        IDeviceTimer timer = clock.CreateTimer(() => { });
        timer.Arm(long.MaxValue - 1);
        timer.Cancel();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            timer.Arm(long.MaxValue - 1 - i);
            timer.Cancel();
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void WallClockIsUtc()
    {
        using DeviceClock clock = new(_lock, MachineClock.StartNew(), Fail);
        Assert.Equal(TimeSpan.Zero, clock.WallClock.Offset);
        Assert.InRange(clock.WallClock, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    private void Fail(Exception error)
    {
        _failure = (error, _lock.IsHeldByCurrentThread);
        _failed.Set();
    }
}
