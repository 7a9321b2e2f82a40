using Vitrine.Timing;

namespace Vitrine.Devices.Timing;

/// <summary>
/// The machine's time for devices. One background thread expires the timers, each with the machine's device lock held, about
/// 100 us after its deadline at most when the host is not busy. None expires while the clock stands still.
/// </summary>
public sealed class DeviceClock : IDeviceClock, IDisposable
{
    private const long Never = long.MaxValue;
    private const long NanosecondsPerMillisecond = 1_000_000;

    // A sleep below a millisecond can't be cut short when an earlier deadline is set: none is longer than this.
    private const int LongestFineSleepMicroseconds = 200;

    private readonly Lock _deviceLock;
    private readonly MachineClock _clock;
    private readonly Action<Exception> _failed;
    private readonly AutoResetEvent _earlierDeadline = new(initialState: false);
    private readonly Thread _thread;

    // A board has a handful of timers, created with it: looking through them beats keeping them in order.
    private readonly List<Timer> _timers = [];
    private long _sleepsUntil;
    private bool _stops;

    /// <summary>Starts the thread.</summary>
    /// <param name="deviceLock">The machine's device lock.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="failed">
    /// Told of an exception of a timer, on a thread of the pool with no lock held. No timer expires afterwards.
    /// </param>
    public DeviceClock(Lock deviceLock, MachineClock clock, Action<Exception> failed)
    {
        _deviceLock = deviceLock;
        _clock = clock;
        _failed = failed;
        clock.Moved += WakeThread;
        _thread = new(RunUntilFailure) { IsBackground = true, Name = "device timers" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public long Nanoseconds => _clock.Now;

    /// <inheritdoc/>
    public DateTimeOffset WallClock => _clock.UtcNow;

    /// <inheritdoc/>
    public IDeviceTimer CreateTimer(Action expired)
    {
        Timer timer = new(this, expired);
        lock (_deviceLock) _timers.Add(timer);
        return timer;
    }

    /// <summary>Ends the thread; no timer expires afterwards. Not with the device lock held, unless from an expiring timer.</summary>
    public void Dispose()
    {
        lock (_deviceLock)
        {
            if (_stops) return;
            _stops = true;
        }
        _clock.Moved -= WakeThread;
        _earlierDeadline.Set();
        if (Thread.CurrentThread == _thread) return;
        _thread.Join();
        _earlierDeadline.Dispose();
    }

    private void WakeThread() => _earlierDeadline.Set();

    private void RunUntilFailure()
    {
        try
        {
            Run();
        }
        catch (Exception error)
        {
            // A defect of ours, or of a clock's source: it must not take the caller's process down. Told elsewhere, because who disposes
            // this waits for the thread.
            ThreadPool.UnsafeQueueUserWorkItem(_ => _failed(error), null);
        }
    }

    private void Run()
    {
        while (true)
        {
            long remaining;
            lock (_deviceLock)
            {
                ExpireDue();
                if (_stops) return;
                _sleepsUntil = EarliestDeadline();
                remaining = _clock.SleepUntil(_sleepsUntil);
            }
            Sleep(remaining);
        }
    }

    // Earliest first, for a late host finds several due at once. A round is bounded, so that a timer that arms itself in
    // the past leaves the lock free in between.
    private void ExpireDue()
    {
        // What is due when the clock stops is due when it goes on: a machine that is held does not change.
        if (_clock.IsStopped) return;
        long now = Nanoseconds;
        for (int round = 0; round < _timers.Count && !_stops; round++)
        {
            Timer due = _timers[0];
            foreach (Timer timer in _timers)
            {
                if (timer.Deadline < due.Deadline) due = timer;
            }

            if (due.Deadline > now) return;
            due.Deadline = Never;
            due.Expired();
        }
    }

    private long EarliestDeadline()
    {
        long earliest = Never;
        foreach (Timer timer in _timers) earliest = Math.Min(earliest, timer.Deadline);
        return earliest;
    }

    private void Sleep(long nanoseconds)
    {
        if (nanoseconds == Never) _earlierDeadline.WaitOne();
        else if (nanoseconds >= NanosecondsPerMillisecond)
            _earlierDeadline.WaitOne((int)Math.Min(nanoseconds / NanosecondsPerMillisecond, int.MaxValue));
        else if (nanoseconds > 0)
            HostSleep.Microseconds((int)Math.Min(nanoseconds / 1000 + 1, LongestFineSleepMicroseconds));
    }

    private void Arm(Timer timer, long deadline)
    {
        lock (_deviceLock)
        {
            timer.Deadline = deadline;
            if (_stops || deadline >= _sleepsUntil) return;
            _sleepsUntil = deadline;
            _earlierDeadline.Set();
        }
    }

    private void Cancel(Timer timer)
    {
        lock (_deviceLock) timer.Deadline = Never;
    }

    private sealed class Timer(DeviceClock clock, Action expired) : IDeviceTimer
    {
        public long Deadline { get; set; } = Never;

        public Action Expired { get; } = expired;

        public void Arm(long deadline) => clock.Arm(this, deadline);

        public void Cancel() => clock.Cancel(this);
    }
}
