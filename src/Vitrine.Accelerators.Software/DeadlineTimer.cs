using Vitrine.Timing;

namespace Vitrine.Accelerators.Software;

/// <summary>
/// Calls back when the time of a guest's timer has come. For translated code, which has no clock to look at: a thread that sleeps for it.
/// </summary>
internal sealed class DeadlineTimer : IDisposable
{
    private readonly MachineClock _clock;
    private readonly Action _expired;
    private readonly WakeSignal _signal = new();
    private readonly Thread _thread;
    private long _deadline = long.MaxValue;
    private long _sleepsUntil;
    private volatile bool _stopped;

    /// <summary>Starts the thread; it ends in <see cref="Dispose"/>.</summary>
    /// <param name="clock">The machine's time.</param>
    /// <param name="expired">Called on the timer's thread, perhaps once more after a deadline was changed.</param>
    public DeadlineTimer(MachineClock clock, Action expired)
    {
        _clock = clock;
        _expired = expired;
        clock.Moved += _signal.Signal;
        _thread = new Thread(Run) { IsBackground = true, Name = "vCPU timer" };
        _thread.Start();
    }

    /// <summary>Sets the only deadline. Costs a system call only when it is sooner than what the thread sleeps for.</summary>
    /// <param name="deadline">On the machine's clock in nanoseconds; <see cref="long.MaxValue"/> for never.</param>
    public void Set(long deadline)
    {
        if (Interlocked.Exchange(ref _deadline, deadline) != deadline && deadline < Volatile.Read(ref _sleepsUntil)) _signal.Signal();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _clock.Moved -= _signal.Signal;
        _stopped = true;
        _signal.Signal();
        _thread.Join();
        _signal.Dispose();
    }

    private void Run()
    {
        while (!_stopped)
        {
            // The exchange is a full barrier: a deadline that was set before is seen, and one set later sees what is slept for.
            Interlocked.Exchange(ref _sleepsUntil, 0);
            long deadline = Volatile.Read(ref _deadline);
            Interlocked.Exchange(ref _sleepsUntil, deadline);
            if (Volatile.Read(ref _deadline) != deadline) continue;
            long remaining = _clock.SleepUntil(deadline);
            if (remaining == 0)
            {
                // Once for each: the vCPU sets the next one when it has looked.
                Interlocked.CompareExchange(ref _deadline, long.MaxValue, deadline);
                _expired();
            }
            else
            {
                _signal.Wait(remaining);
            }
        }
    }
}
