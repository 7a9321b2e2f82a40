using System.Diagnostics;

namespace Vitrine.Timing;

/// <summary>
/// The time of one machine, from which all its clocks derive: time-stamp counters and local APIC timers of the software CPU, and the
/// timers of devices. It can stand still, as it does while all vCPUs are held, and then goes on without a jump. Any thread.
/// </summary>
/// <remarks>
/// The time is the source's plus an offset. Reading it takes two loads and a comparison beside the source's own reading. Calendar time is the
/// exception: it is the source's and doesn't stand still, as a battery-backed clock doesn't.
/// </remarks>
public sealed class MachineClock
{
    private readonly IClockSource? _source;
    private readonly Lock _lock = new();
    private Epoch? _epoch;
    private Action? _moved;

    /// <summary>Creates a clock that stands still.</summary>
    /// <param name="source">What drives it; null for the host's monotonic clock.</param>
    /// <param name="start">The time that it begins with, in nanoseconds from 0.</param>
    public MachineClock(IClockSource? source = null, long start = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        _source = source;
        _epoch = new Epoch(isStopped: true, start);
        if (source is not null) source.Moved += RaiseMoved;
    }

    /// <summary>
    /// Raised after the time has gone on otherwise than the host's clock: started, or moved by the source. Handlers must only wake threads. After
    /// a handler has been removed it is not called any more.
    /// </summary>
    public event Action? Moved
    {
        add
        {
            lock (_lock) _moved += value;
        }

        remove
        {
            lock (_lock) _moved -= value;
        }
    }

    /// <summary>Nanoseconds that the machine has run; never goes back.</summary>
    public long Now
    {
        get
        {
            SpinWait spin = default;
            while (true)
            {
                Epoch? epoch = Volatile.Read(ref _epoch);
                if (epoch is null)
                {
                    spin.SpinOnce();
                    continue;
                }

                if (epoch.IsStopped) return epoch.Base;
                long now = SourceNanoseconds + epoch.Base;

                // A reader that was held up between the two readings would mix an old offset with a new time.
                if (ReferenceEquals(Volatile.Read(ref _epoch), epoch)) return now;
            }
        }
    }

    /// <summary>Calendar time, UTC: the source's. It goes on while the clock stands still.</summary>
    public DateTimeOffset UtcNow => _source?.UtcNow ?? DateTimeOffset.UtcNow;

    /// <summary>True while the time stands still.</summary>
    public bool IsStopped => Volatile.Read(ref _epoch) is null or { IsStopped: true };

    private long SourceNanoseconds => _source is { } source ? source.Nanoseconds : HostNanoseconds;

    private static long HostNanoseconds
    {
        get
        {
            const long NanosecondsPerSecond = 1_000_000_000;
            long ticks = Stopwatch.GetTimestamp();
            if (Stopwatch.Frequency == NanosecondsPerSecond) return ticks;
            (long seconds, long rest) = Math.DivRem(ticks, Stopwatch.Frequency);
            return (seconds * NanosecondsPerSecond) + (rest * NanosecondsPerSecond / Stopwatch.Frequency);
        }
    }

    /// <summary>Creates a clock that begins with 0 and follows the host's.</summary>
    public static MachineClock StartNew()
    {
        MachineClock clock = new();
        clock.Start();
        return clock;
    }

    /// <summary>Lets the time stand still. Does nothing when it does.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            Epoch epoch = _epoch!;
            if (epoch.IsStopped) return;

            // Readers wait meanwhile: none may see a later time than the one at which it stops. The exchange keeps the reading behind it.
            Interlocked.Exchange(ref _epoch, null);
            Volatile.Write(ref _epoch, new Epoch(isStopped: true, SourceNanoseconds + epoch.Base));
        }
    }

    /// <summary>Lets the time go on from where it stands. Does nothing when it goes.</summary>
    public void Start()
    {
        lock (_lock)
        {
            Epoch epoch = _epoch!;
            if (!epoch.IsStopped) return;
            Volatile.Write(ref _epoch, new Epoch(isStopped: false, epoch.Base - SourceNanoseconds));
            _moved?.Invoke();
        }
    }

    /// <summary>
    /// How long a thread may sleep, in the host's nanoseconds, that waits for a time: 0 when it has come. <see cref="long.MaxValue"/> while the
    /// clock stands still or something else than the host drives it; <see cref="Moved"/> then says when to look again.
    /// </summary>
    /// <param name="time">The time, as <see cref="Now"/>; <see cref="long.MaxValue"/> for never.</param>
    public long SleepUntil(long time)
    {
        if (time == long.MaxValue || IsStopped) return long.MaxValue;
        long now = Now;
        if (time <= now) return 0;
        return _source is null ? time - now : long.MaxValue;
    }

    private void RaiseMoved()
    {
        lock (_lock) _moved?.Invoke();
    }

    // A stretch in which the time stands, or goes with the source.
    private sealed class Epoch(bool isStopped, long time)
    {
        public bool IsStopped { get; } = isStopped;

        // The time at which it stands; else what is added to the source's.
        public long Base { get; } = time;
    }
}
