namespace Vitrine.Devices.Timing;

/// <summary>
/// One counter of an 8254. Nothing runs: count and output are computed, for a time in input clocks, from the clock at
/// which the counting element was loaded.
/// </summary>
internal sealed class PitCounter
{
    /// <summary>No further edge.</summary>
    public const long Never = long.MaxValue;

    private enum Phase
    {
        /// <summary>Nothing was ever written: the data sheet leaves all undefined.</summary>
        Unprogrammed,

        /// <summary>A control word was written, the count is missing.</summary>
        AwaitsCount,

        /// <summary>Modes 1 and 5, or 2 and 3 with the gate low: the next rising gate loads and starts.</summary>
        AwaitsTrigger,

        Counting,

        /// <summary>Modes 0 and 4 with the gate low.</summary>
        Held,
    }

    private Phase _phase;
    private int _mode;
    private int _access = 3;
    private bool _bcd;
    private bool _gate;
    private int _countRegister = 0x1_0000; // CR: what the guest wrote
    private int _count = 0x1_0000;         // what the counting element was loaded with
    private long _start;                   // the clock at which it was
    private long _held;                    // clocks counted before the gate went low
    private bool _registerPending;         // "null count": CR is not yet in the counting element
    private long _pendingSince;
    private byte _lowByte;
    private bool _writeHigh;
    private bool _readHigh;
    private int _latchedCount = -1;
    private int _latchedStatus = -1;

    public PitCounter(bool gate) => _gate = gate;

    public bool Gate => _gate;

    public int Mode => _mode;

    public int ReloadValue => _countRegister;

    private bool IsPeriodic => _mode is 2 or 3;

    private bool IsTriggered => _mode is 1 or 5;

    private int Modulus => _bcd ? 10_000 : 0x1_0000;

    public void WriteControlWord(byte value)
    {
        _access = (value >> Pit8254Registers.AccessShift) & 3;
        int mode = (value >> 1) & 7;
        _mode = mode > 5 ? mode - 4 : mode; // the top bit of modes 2 and 3 is not decoded
        _bcd = (value & 1) != 0;
        _phase = Phase.AwaitsCount;
        _registerPending = true;
        _writeHigh = _readHigh = false;
        _latchedCount = _latchedStatus = -1;
    }

    public void WriteCount(byte value, long now)
    {
        Synchronize(now);
        switch (_access)
        {
            case 1: Load(value, now); break;
            case 2: Load(value << 8, now); break;
            case 3 when !_writeHigh:
                _lowByte = value;
                _writeHigh = true;
                // Mode 0: the first byte stops the count and drops the output.
                if (_mode == 0 && _phase != Phase.Unprogrammed) _phase = Phase.AwaitsCount;
                break;
            default:
                _writeHigh = false;
                Load((value << 8) | _lowByte, now);
                break;
        }
    }

    public byte Read(long now)
    {
        if (_latchedStatus >= 0)
        {
            byte status = (byte)_latchedStatus;
            _latchedStatus = -1;
            return status;
        }
        int count = _latchedCount >= 0 ? _latchedCount : CountAt(now);
        bool high = _access == 2 || (_access == 3 && _readHigh);
        bool last = _access != 3 || _readHigh;
        _readHigh = _access == 3 && !_readHigh;
        if (last) _latchedCount = -1;
        return (byte)(high ? count >> 8 : count);
    }

    /// <summary>Holds the count for the next read; a latched one that was not read yet stays.</summary>
    public void LatchCount(long now)
    {
        if (_latchedCount < 0) _latchedCount = CountAt(now);
    }

    public void LatchStatus(long now)
    {
        if (_latchedStatus >= 0) return;
        Synchronize(now);
        _latchedStatus = (Output(now) ? Pit8254Registers.StatusOutput : 0)
            | (_registerPending ? Pit8254Registers.StatusNullCount : 0)
            | (_access << Pit8254Registers.AccessShift) | (_mode << 1) | (_bcd ? 1 : 0);
    }

    public void SetGate(bool level, long now)
    {
        if (_gate == level) return;
        Synchronize(now);
        _gate = level;
        if (_phase is Phase.Unprogrammed or Phase.AwaitsCount) return;
        if (level)
        {
            // A rising gate triggers modes 1, 2, 3 and 5, and lets modes 0 and 4 go on.
            if (_phase == Phase.Held) Start(now - _held);
            else Transfer(now + 1);
        }
        else if (IsPeriodic)
        {
            _phase = Phase.AwaitsTrigger;
        }
        else if (!IsTriggered)
        {
            _held = Elapsed(now);
            _phase = Phase.Held;
        }
    }

    /// <summary>The OUT pin.</summary>
    public bool Output(long now)
    {
        Synchronize(now);
        return _phase switch
        {
            Phase.Unprogrammed => true,
            Phase.AwaitsCount => _mode != 0,
            Phase.AwaitsTrigger => true,
            Phase.Held => _mode != 0 || _held >= _count,
            _ => OutputAfter(now - _start),
        };
    }

    /// <summary>The first clock, more than a distance from now, at which OUT rises if nothing is written; else <see cref="Never"/>.</summary>
    public long NextRisingEdge(long now, long minimumDistance)
    {
        Synchronize(now);
        if (_phase != Phase.Counting) return Never;
        if (IsPeriodic) return NextPeriodicEdge(now + minimumDistance);
        long edge = _start + _count + (_mode is 4 or 5 ? 1 : 0);
        return edge > now ? edge : Never;
    }

    /// <summary>The count as a read shows it: binary or packed BCD.</summary>
    public int CountAt(long now)
    {
        Synchronize(now);
        long elapsed = _phase == Phase.Held ? _held : Elapsed(now);
        long count = _mode switch
        {
            _ when _phase is Phase.Unprogrammed or Phase.AwaitsCount or Phase.AwaitsTrigger => _count,
            2 => _count - elapsed % _count,
            // Mode 3 counts down by two, once for each half of the period.
            3 => (_count & ~1) - 2 * (elapsed % _count % ((_count + 1) / 2)),
            _ => _count - elapsed,
        };
        count %= Modulus;
        if (count < 0) count += Modulus;
        return _bcd ? ToBcd((int)count) : (int)count;
    }

    private bool OutputAfter(long elapsed) => _mode switch
    {
        0 => elapsed >= _count,
        1 => elapsed < 0 || elapsed >= _count,
        2 => _count < 2 || elapsed < 0 || elapsed % _count != _count - 1,
        3 => elapsed < 0 || elapsed % _count < (_count + 1) / 2,
        _ => elapsed != _count, // modes 4 and 5 strobe low for one clock
    };

    private long Elapsed(long now) => _phase == Phase.Counting ? Math.Max(0, now - _start) : 0;

    private void Load(int written, long now)
    {
        if (_phase == Phase.Unprogrammed) return;
        int count = _bcd ? FromBcd(written) : written;
        _countRegister = count == 0 ? Modulus : count;
        _registerPending = true;
        _pendingSince = now;
        bool fresh = _phase == Phase.AwaitsCount;
        if (IsTriggered)
        {
            // Used from the next trigger on; a one-shot in progress is not disturbed.
            if (fresh) _phase = Phase.AwaitsTrigger;
        }
        else if (IsPeriodic)
        {
            // A running period or half-period ends first: Synchronize.
            if (!fresh) return;
            if (_gate) Transfer(now + 1);
            else _phase = Phase.AwaitsTrigger;
        }
        else
        {
            Transfer(now + 1);
            if (_gate) return;
            _held = 0;
            _phase = Phase.Held;
        }
    }

    /// <summary>Moves CR into the counting element and starts it.</summary>
    private void Transfer(long at)
    {
        _count = _countRegister;
        _registerPending = false;
        Start(at);
    }

    private void Start(long at)
    {
        _start = at;
        _phase = Phase.Counting;
    }

    /// <summary>Takes over a count written to a running periodic counter once the period (mode 2) or half-period (mode 3) has ended.</summary>
    private void Synchronize(long now)
    {
        if (!_registerPending || !IsPeriodic || _phase != Phase.Counting) return;
        (long boundary, bool rises) = BoundaryAfter(_pendingSince);
        if (now < boundary) return;
        _count = _countRegister;
        _registerPending = false;
        // After the high half the new count runs the low half: as if its own high half had just gone by.
        _start = rises ? boundary : boundary - (_count + 1) / 2;
    }

    private long NextPeriodicEdge(long after)
    {
        // A count of 1 is not legal in modes 2 and 3; the output stays as it is.
        if (!_registerPending) return _count < 2 ? Never : NextCycle(after);
        (long boundary, bool rises) = BoundaryAfter(_pendingSince);
        return rises ? boundary : boundary + _countRegister / 2;
    }

    private (long At, bool Rises) BoundaryAfter(long time)
    {
        long cycle = NextCycle(time);
        long half = cycle - _count / 2;
        return _mode == 3 && half > time ? (half, false) : (cycle, true);
    }

    private long NextCycle(long after) =>
        after < _start ? _start + _count : _start + ((after - _start) / _count + 1) * _count;

    // Digits above 9 are not legal; each still counts as its value.
    private static int FromBcd(int value) =>
        Math.Min((value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15), 9999);

    private static int ToBcd(int value) =>
        (value / 1000 << 12) | (value / 100 % 10 << 8) | (value / 10 % 10 << 4) | (value % 10);
}
