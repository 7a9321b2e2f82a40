namespace Vitrine.Accelerators.Software;

/// <summary>
/// Tells when a vCPU has done next to nothing for long: in a whole window it ran for less than a fiftieth of the time. An idle Linux that still has a timer tick
/// is below that.
/// </summary>
internal struct IdleWatch
{
    /// <summary>How long a window is, in nanoseconds.</summary>
    public const long Window = 30_000_000_000;

    private const long LeastBusyPart = 50;

    private long _start;
    private long _resumed;
    private long _busy;
    private bool _waits;

    /// <summary>When the present window ends, in nanoseconds.</summary>
    public readonly long End => _start + Window;

    /// <summary>The vCPU waits. Again and again while it does.</summary>
    /// <param name="now">The time in nanoseconds.</param>
    /// <returns>True when a window has ended in which it was idle. A new one begins.</returns>
    public bool Wait(long now)
    {
        if (!_waits) _busy += now - _resumed;
        _waits = true;
        if (now < End) return false;
        bool idle = _busy < (now - _start) / LeastBusyPart;
        _start = now;
        _busy = 0;
        return idle;
    }

    /// <summary>The vCPU runs again.</summary>
    /// <param name="now">The time in nanoseconds.</param>
    public void Resume(long now)
    {
        _waits = false;
        _resumed = now;
    }
}
