using Vitrine.Devices.Timing;

namespace Vitrine.Tests.Devices;

/// <summary>Time that stands still until a test moves it; timers expire in the order of their deadlines, each at its own.</summary>
internal sealed class ManualClock(long now = 0) : IDeviceClock
{
    // A device that goes on needs a handful.
    private const int MostAtOnce = 1_000;

    private readonly List<Timer> _timers = [];

    public long Nanoseconds { get; private set; } = now;

    public DateTimeOffset Start { get; init; } = new(2024, 2, 28, 23, 59, 50, TimeSpan.Zero);

    public DateTimeOffset WallClock => Start.AddTicks(Nanoseconds / 100);

    public IDeviceTimer CreateTimer(Action expired)
    {
        Timer timer = new(expired);
        _timers.Add(timer);
        return timer;
    }

    public void Advance(long nanoseconds) => AdvanceTo(Nanoseconds + nanoseconds);

    public void AdvanceTo(long end)
    {
        int atOnce = 0;
        while (_timers.Where(t => t.Deadline <= end).MinBy(t => t.Deadline) is { } next)
        {
            atOnce = next.Deadline > Nanoseconds ? 0 : atOnce + 1;
            if (atOnce > MostAtOnce) throw new InvalidOperationException("A timer is due again and again, and no time passes.");
            Nanoseconds = Math.Max(Nanoseconds, next.Deadline);
            next.Expire();
        }
        Nanoseconds = end;
    }

    /// <summary>The host was busy: time passes, and only then does what is due expire.</summary>
    public void Stall(long nanoseconds)
    {
        Nanoseconds += nanoseconds;
        AdvanceTo(Nanoseconds);
    }

    private sealed class Timer(Action expired) : IDeviceTimer
    {
        public long Deadline { get; private set; } = long.MaxValue;

        public void Arm(long deadline) => Deadline = deadline;

        public void Cancel() => Deadline = long.MaxValue;

        public void Expire()
        {
            Deadline = long.MaxValue;
            expired();
        }
    }
}
