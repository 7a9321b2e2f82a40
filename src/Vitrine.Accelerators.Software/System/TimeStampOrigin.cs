using Vitrine.Timing;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// Gives the processors that are reset together one time-stamp counter: each is put on its own thread, so at its own time, and a
/// kernel that finds counters apart takes another clock. Any thread.
/// </summary>
/// <param name="clock">The machine's time.</param>
internal sealed class TimeStampOrigin(MachineClock clock)
{
    // As KVM does: the same value, soon after the last vCPU that got it.
    private const long Together = 1_000_000_000;

    private readonly Lock _lock = new();
    private ulong _value;
    private long _offset;
    private long _last;
    private ulong _members;

    /// <summary>The offset from the machine's clock that makes a counter show a value.</summary>
    /// <param name="vcpu">Whose counter.</param>
    /// <param name="value">What it is set to.</param>
    public long OffsetFor(int vcpu, ulong value)
    {
        lock (_lock)
        {
            long now = clock.Now;
            ulong member = 1UL << vcpu;
            if (_members == 0 || (_members & member) != 0 || value != _value || now - _last > Together)
            {
                _members = 0;
                _value = value;
                _offset = (long)value - now;
            }

            _members |= member;
            _last = now;
            return _offset;
        }
    }

    /// <summary>
    /// The offset for a counter that a client sets, who can't set several at one time: 0, and what the counters show within a second, joins those that are set
    /// already, as with KVM.
    /// </summary>
    /// <param name="vcpu">Whose counter.</param>
    /// <param name="value">What it is set to.</param>
    public long Join(int vcpu, ulong value)
    {
        lock (_lock)
        {
            long now = clock.Now;
            bool joins = _members != 0 && (value == 0 || Math.Abs((long)value - (_offset + now)) < Together);
            if (!joins)
            {
                _members = 0;
                _value = value;
                _offset = (long)value - now;
            }

            _members |= 1UL << vcpu;
            _last = now;
            return _offset;
        }
    }

    /// <summary>A counter has got its offset from elsewhere: those that come join it.</summary>
    /// <param name="vcpu">Whose counter.</param>
    /// <param name="offset">Its offset from the machine's clock.</param>
    public void Follow(int vcpu, long offset)
    {
        lock (_lock)
        {
            if (offset != _offset) _members = 0;
            (_members, _offset, _last) = (_members | (1UL << vcpu), offset, clock.Now);
            _value = (ulong)(_offset + _last);
        }
    }
}
