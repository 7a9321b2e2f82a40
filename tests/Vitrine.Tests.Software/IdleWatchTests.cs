using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software;

/// <summary>When a vCPU counts as idle.</summary>
public sealed class IdleWatchTests
{
    private const long Millisecond = 1_000_000;

    // Any time to begin at.
    private const long Start = 1_000_000 * Millisecond;

    [Theory]
    [InlineData(10, 0.1, true)]
    [InlineData(4, 0.02, true)]
    [InlineData(10, 1, false)]
    [InlineData(1000, 100, false)]
    [InlineData(60_000, 0, true)]
    public void ItRunsForSoLongSoOften(double everyMilliseconds, double busyMilliseconds, bool idle)
    {
        IdleWatch watch = default;
        long now = Start;
        watch.Wait(now);
        bool seen = false;
        while (now < Start + (2 * IdleWatch.Window) + Millisecond)
        {
            watch.Resume(now);
            now += (long)(busyMilliseconds * Millisecond);
            seen |= watch.Wait(now);
            now += (long)((everyMilliseconds - busyMilliseconds) * Millisecond);
            seen |= watch.Wait(now);
        }

        Assert.Equal(idle, seen);
    }

    [Fact]
    public void BusyBehindAnIdleWindowIsNotIdle()
    {
        IdleWatch watch = default;
        watch.Wait(Start);
        Assert.True(watch.Wait(Start + IdleWatch.Window));
        Assert.Equal(Start + (2 * IdleWatch.Window), watch.End);
        watch.Resume(Start + IdleWatch.Window);
        Assert.False(watch.Wait(Start + (2 * IdleWatch.Window)));
    }
}
