namespace Vitrine.Accelerators.Software.Apic;

/// <summary>
/// The timer of a local APIC (SDM vol. 3, 11.5.4 "APIC Timer"). It counts guest nanoseconds, divided; nothing ticks:
/// counts and expiries are computed from the time.
/// </summary>
internal sealed class ApicTimer(IApicClock clock)
{
    /// <summary>Frequency before the divider in kHz: one tick is one nanosecond.</summary>
    public const uint Kilohertz = 1_000_000;

    private const uint ModeMask = 3u << 17;
    private const uint PeriodicMode = 1u << 17;
    private const uint TscDeadlineMode = 2u << 17;

    private uint _mode;
    private uint _divideConfiguration;
    private int _divideShift = 1;
    private uint _initialCount;
    private bool _counting;

    // While counting: the count was _baseCount at time _baseTime.
    private uint _baseCount;
    private long _baseTime;

    private ulong _tscDeadline;

    /// <summary>When it expires next, in guest nanoseconds; <see cref="long.MaxValue"/> when it isn't running.</summary>
    public long Deadline { get; private set; } = long.MaxValue;

    /// <summary>The initial-count register.</summary>
    public uint InitialCount => _initialCount;

    /// <summary>The divide-configuration register.</summary>
    public uint DivideConfiguration => _divideConfiguration;

    /// <summary>IA32_TSC_DEADLINE: 0 when not armed.</summary>
    public ulong TscDeadline => _tscDeadline;

    /// <summary>After RESET or INIT.</summary>
    public void Reset()
    {
        _mode = 0;
        _initialCount = 0;
        _tscDeadline = 0;
        _counting = false;
        Deadline = long.MaxValue;
        SetDivideConfiguration(0);
    }

    /// <summary>
    /// Takes note of the LVT entry's mode, bits 18:17. One-shot and periodic may change while it counts; to and from TSC
    /// deadline it stops.
    /// </summary>
    public void SetMode(uint lvt)
    {
        uint mode = lvt & ModeMask;
        if (mode == _mode)
            return;
        if (mode == TscDeadlineMode || _mode == TscDeadlineMode)
        {
            _counting = false;
            _initialCount = 0;
            _tscDeadline = 0;
        }

        _mode = mode;
        Rearm();
    }

    /// <summary>Writes the initial count: starts the timer, or stops it with 0. Without effect in TSC-deadline mode.</summary>
    public void SetInitialCount(uint count)
    {
        if (_mode == TscDeadlineMode)
            return;
        _initialCount = count;
        StartFrom(count);
    }

    /// <summary>
    /// Goes on from a count, after a restore of the registers. A current count of 0 beside an initial one is a period that begins, or a one-shot that expires at
    /// once, as with KVM: QEMU's saved states have no current count.
    /// </summary>
    public void Restore(uint initialCount, uint currentCount)
    {
        _initialCount = initialCount;
        StartFrom(_mode == TscDeadlineMode ? 0 : currentCount != 0 || _mode != PeriodicMode ? currentCount : initialCount);
        if (_counting || _mode == TscDeadlineMode || initialCount == 0) return;
        _counting = true;
        Rearm();
    }

    /// <summary>What the registers don't show: that it counts, from which count, since when.</summary>
    public (bool Counts, uint Count, long Time) Progress => (_counting, _baseCount, _baseTime);

    /// <summary>
    /// Goes on from where <see cref="Progress"/> was, after a restore of the registers. What has expired since then has not been looked at.
    /// </summary>
    public void RestoreProgress(bool counts, uint count, long time)
    {
        _counting = counts;
        _baseCount = count;
        _baseTime = time;
        Rearm();
    }

    /// <summary>Writes the divide configuration: bits 3, 1 and 0. A running count goes on from where it is.</summary>
    public void SetDivideConfiguration(uint value)
    {
        uint count = CurrentCount(clock.Now);
        _divideConfiguration = value & 0xB;
        uint code = (value & 3) | ((value >> 1) & 4);
        _divideShift = code == 7 ? 0 : (int)code + 1;
        if (_counting)
            StartFrom(count);
    }

    /// <summary>Writes IA32_TSC_DEADLINE: arms the timer, or disarms it with 0. Without effect except in TSC-deadline mode.</summary>
    public void SetTscDeadline(ulong tsc)
    {
        if (_mode != TscDeadlineMode)
            return;
        _tscDeadline = tsc;
        Rearm();
    }

    /// <summary>The relation of time-stamp counter and time has changed.</summary>
    public void OnTscChanged() => Rearm();

    /// <summary>The current-count register at time <paramref name="now"/>; 0 in TSC-deadline mode.</summary>
    public uint CurrentCount(long now)
    {
        if (!_counting)
            return 0;
        ulong ticks = (ulong)Math.Max(0, now - _baseTime) >> _divideShift;
        if (ticks < _baseCount)
            return _baseCount - (uint)ticks;
        return _mode == PeriodicMode && _initialCount != 0
            ? _initialCount - (uint)((ticks - _baseCount) % _initialCount)
            : 0;
    }

    /// <summary>Lets it expire if its time has come. Periods that were missed count as one.</summary>
    /// <returns>True when it expired.</returns>
    public bool Advance(long now)
    {
        if (now < Deadline)
            return false;
        if (_mode == TscDeadlineMode)
        {
            _tscDeadline = 0;
            Deadline = long.MaxValue;
        }
        else if (_mode == PeriodicMode && _initialCount != 0)
        {
            // The latest reload at or before now becomes the base, so that no fraction of a tick is lost.
            long period = (long)_initialCount << _divideShift;
            _baseTime = Deadline + ((now - Deadline) / period * period);
            _baseCount = _initialCount;
            Rearm();
        }
        else
        {
            _counting = false;
            Deadline = long.MaxValue;
        }

        return true;
    }

    private void StartFrom(uint count)
    {
        _counting = count != 0;
        _baseCount = count;
        _baseTime = clock.Now;
        Rearm();
    }

    private void Rearm() => Deadline =
        _mode == TscDeadlineMode ? _tscDeadline == 0 ? long.MaxValue : clock.TimeOfTsc(_tscDeadline)
        : _counting ? _baseTime + ((long)_baseCount << _divideShift)
        : long.MaxValue;
}
