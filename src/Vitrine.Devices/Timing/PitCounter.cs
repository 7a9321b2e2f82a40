namespace Vitrine.Devices.Timing;

/// <summary>
/// One counter of an 8254. Nothing runs: count and output are computed, for a time in input clocks, from the clock at
/// which the counting element was loaded.
/// </summary>
internal sealed class PitCounter
{
    /// <summary>No further edge.</summary>
    public const long Never = long.MaxValue;

    private State _state;

    public PitCounter(bool gate) => _state = new() { Gate = gate };

    /// <summary>All that it holds.</summary>
    public State Registers => _state;

    public bool Gate => _state.Gate;

    public int Mode => _state.Mode;

    public int ReloadValue => _state.CountRegister;

    private bool IsPeriodic => _state.Mode is 2 or 3;

    private bool IsTriggered => _state.Mode is 1 or 5;

    private int Modulus => _state.Bcd ? 10_000 : 0x1_0000;

    /// <summary>As at power-on.</summary>
    public void Reset(bool gate) => _state = new() { Gate = gate };

    /// <summary>Takes over what another has held.</summary>
    public void Load(State state) => _state = state;

    public void WriteControlWord(byte value)
    {
        _state.Access = (value >> Pit8254Registers.AccessShift) & 3;
        int mode = (value >> 1) & 7;
        _state.Mode = mode > 5 ? mode - 4 : mode; // the top bit of modes 2 and 3 is not decoded
        _state.Bcd = (value & 1) != 0;
        _state.Phase = Phase.AwaitsCount;
        _state.RegisterPending = true;
        _state.WriteHigh = _state.ReadHigh = false;
        _state.LatchedCount = _state.LatchedStatus = -1;
    }

    public void WriteCount(byte value, long now)
    {
        Synchronize(now);
        switch (_state.Access)
        {
            case 1: Load(value, now); break;
            case 2: Load(value << 8, now); break;
            case 3 when !_state.WriteHigh:
                _state.LowByte = value;
                _state.WriteHigh = true;
                // Mode 0: the first byte stops the count and drops the output.
                if (_state.Mode == 0 && _state.Phase != Phase.Unprogrammed) _state.Phase = Phase.AwaitsCount;
                break;
            default:
                _state.WriteHigh = false;
                Load((value << 8) | _state.LowByte, now);
                break;
        }
    }

    public byte Read(long now)
    {
        if (_state.LatchedStatus >= 0)
        {
            byte status = (byte)_state.LatchedStatus;
            _state.LatchedStatus = -1;
            return status;
        }
        int count = _state.LatchedCount >= 0 ? _state.LatchedCount : CountAt(now);
        bool high = _state.Access == 2 || (_state.Access == 3 && _state.ReadHigh);
        bool last = _state.Access != 3 || _state.ReadHigh;
        _state.ReadHigh = _state.Access == 3 && !_state.ReadHigh;
        if (last) _state.LatchedCount = -1;
        return (byte)(high ? count >> 8 : count);
    }

    /// <summary>Holds the count for the next read; a latched one that was not read yet stays.</summary>
    public void LatchCount(long now)
    {
        if (_state.LatchedCount < 0) _state.LatchedCount = CountAt(now);
    }

    public void LatchStatus(long now)
    {
        if (_state.LatchedStatus >= 0) return;
        Synchronize(now);
        _state.LatchedStatus = (Output(now) ? Pit8254Registers.StatusOutput : 0)
            | (_state.RegisterPending ? Pit8254Registers.StatusNullCount : 0)
            | (_state.Access << Pit8254Registers.AccessShift) | (_state.Mode << 1) | (_state.Bcd ? 1 : 0);
    }

    public void SetGate(bool level, long now)
    {
        if (_state.Gate == level) return;
        Synchronize(now);
        _state.Gate = level;
        if (_state.Phase is Phase.Unprogrammed or Phase.AwaitsCount) return;
        if (level)
        {
            // A rising gate triggers modes 1, 2, 3 and 5, and lets modes 0 and 4 go on.
            if (_state.Phase == Phase.Held) Start(now - _state.Held);
            else Transfer(now + 1);
        }
        else if (IsPeriodic)
        {
            _state.Phase = Phase.AwaitsTrigger;
        }
        else if (!IsTriggered)
        {
            _state.Held = Elapsed(now);
            _state.Phase = Phase.Held;
        }
    }

    /// <summary>The OUT pin.</summary>
    public bool Output(long now)
    {
        Synchronize(now);
        return _state.Phase switch
        {
            Phase.Unprogrammed => true,
            Phase.AwaitsCount => _state.Mode != 0,
            Phase.AwaitsTrigger => true,
            Phase.Held => _state.Mode != 0 || _state.Held >= _state.Count,
            _ => OutputAfter(now - _state.Start),
        };
    }

    /// <summary>The first clock, more than a distance from now, at which OUT rises if nothing is written; else <see cref="Never"/>.</summary>
    public long NextRisingEdge(long now, long minimumDistance)
    {
        Synchronize(now);
        if (_state.Phase != Phase.Counting) return Never;
        if (IsPeriodic) return NextPeriodicEdge(now + minimumDistance);
        long edge = _state.Start + _state.Count + (_state.Mode is 4 or 5 ? 1 : 0);
        return edge > now ? edge : Never;
    }

    /// <summary>The count as a read shows it: binary or packed BCD.</summary>
    public int CountAt(long now)
    {
        Synchronize(now);
        long elapsed = _state.Phase == Phase.Held ? _state.Held : Elapsed(now);
        long count = _state.Mode switch
        {
            _ when _state.Phase is Phase.Unprogrammed or Phase.AwaitsCount or Phase.AwaitsTrigger => _state.Count,
            2 => _state.Count - elapsed % _state.Count,
            // Mode 3 counts down by two, once for each half of the period.
            3 => (_state.Count & ~1) - 2 * (elapsed % _state.Count % ((_state.Count + 1) / 2)),
            _ => _state.Count - elapsed,
        };
        count %= Modulus;
        if (count < 0) count += Modulus;
        return _state.Bcd ? ToBcd((int)count) : (int)count;
    }

    private bool OutputAfter(long elapsed) => _state.Mode switch
    {
        0 => elapsed >= _state.Count,
        1 => elapsed < 0 || elapsed >= _state.Count,
        2 => _state.Count < 2 || elapsed < 0 || elapsed % _state.Count != _state.Count - 1,
        3 => elapsed < 0 || elapsed % _state.Count < (_state.Count + 1) / 2,
        _ => elapsed != _state.Count, // modes 4 and 5 strobe low for one clock
    };

    private long Elapsed(long now) => _state.Phase == Phase.Counting ? Math.Max(0, now - _state.Start) : 0;

    private void Load(int written, long now)
    {
        if (_state.Phase == Phase.Unprogrammed) return;
        int count = _state.Bcd ? FromBcd(written) : written;
        _state.CountRegister = count == 0 ? Modulus : count;
        _state.RegisterPending = true;
        _state.PendingSince = now;
        bool fresh = _state.Phase == Phase.AwaitsCount;
        if (IsTriggered)
        {
            // Used from the next trigger on; a one-shot in progress is not disturbed.
            if (fresh) _state.Phase = Phase.AwaitsTrigger;
        }
        else if (IsPeriodic)
        {
            // A running period or half-period ends first: Synchronize.
            if (!fresh) return;
            if (_state.Gate) Transfer(now + 1);
            else _state.Phase = Phase.AwaitsTrigger;
        }
        else
        {
            Transfer(now + 1);
            if (_state.Gate) return;
            _state.Held = 0;
            _state.Phase = Phase.Held;
        }
    }

    /// <summary>Moves CR into the counting element and starts it.</summary>
    private void Transfer(long at)
    {
        _state.Count = _state.CountRegister;
        _state.RegisterPending = false;
        Start(at);
    }

    private void Start(long at)
    {
        _state.Start = at;
        _state.Phase = Phase.Counting;
    }

    /// <summary>Takes over a count written to a running periodic counter once the period (mode 2) or half-period (mode 3) has ended.</summary>
    private void Synchronize(long now)
    {
        if (!_state.RegisterPending || !IsPeriodic || _state.Phase != Phase.Counting) return;
        (long boundary, bool rises) = BoundaryAfter(_state.PendingSince);
        if (now < boundary) return;
        _state.Count = _state.CountRegister;
        _state.RegisterPending = false;
        // After the high half the new count runs the low half: as if its own high half had just gone by.
        _state.Start = rises ? boundary : boundary - (_state.Count + 1) / 2;
    }

    private long NextPeriodicEdge(long after)
    {
        // A count of 1 is not legal in modes 2 and 3; the output stays as it is.
        if (!_state.RegisterPending) return _state.Count < 2 ? Never : NextCycle(after);
        (long boundary, bool rises) = BoundaryAfter(_state.PendingSince);
        return rises ? boundary : boundary + _state.CountRegister / 2;
    }

    private (long At, bool Rises) BoundaryAfter(long time)
    {
        long cycle = NextCycle(time);
        long half = cycle - _state.Count / 2;
        return _state.Mode == 3 && half > time ? (half, false) : (cycle, true);
    }

    private long NextCycle(long after) =>
        after < _state.Start ? _state.Start + _state.Count : _state.Start + ((after - _state.Start) / _state.Count + 1) * _state.Count;

    // Digits above 9 are not legal; each still counts as its value.
    private static int FromBcd(int value) =>
        Math.Min((value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15), 9999);

    private static int ToBcd(int value) =>
        (value / 1000 << 12) | (value / 100 % 10 << 8) | (value / 10 % 10 << 4) | (value % 10);

    /// <summary>What it is doing.</summary>
    internal enum Phase
    {
        /// <summary>Nothing was ever written: the data sheet leaves all undefined.</summary>
        Unprogrammed,

        /// <summary>A control word was written, the count is missing.</summary>
        AwaitsCount,

        /// <summary>Modes 1 and 5, or 2 and 3 with the gate low: the next rising gate loads and starts.</summary>
        AwaitsTrigger,

        /// <summary>It counts.</summary>
        Counting,

        /// <summary>Modes 0 and 4 with the gate low.</summary>
        Held,
    }

    /// <summary>What it holds; new, as at power-on. Times are input clocks since the machine was created.</summary>
    internal struct State
    {
        // Beyond what a machine's clock can come to, and in nanoseconds still far from an overflow.
        private const long LongestLife = 1L << 52;

        /// <summary>What it is doing.</summary>
        public Phase Phase;

        /// <summary>0 to 5.</summary>
        public int Mode;

        /// <summary>Which bytes of the count are accessed, 1 to 3.</summary>
        public int Access = 3;

        /// <summary>It counts in BCD.</summary>
        public bool Bcd;

        /// <summary>Level of the gate.</summary>
        public bool Gate;

        /// <summary>CR: what the guest wrote, 1 to 65,536.</summary>
        public int CountRegister = 0x1_0000;

        /// <summary>What the counting element was loaded with, 1 to 65,536.</summary>
        public int Count = 0x1_0000;

        /// <summary>When it was.</summary>
        public long Start;

        /// <summary>Clocks counted before the gate went low.</summary>
        public long Held;

        /// <summary>"Null count": CR is not yet in the counting element.</summary>
        public bool RegisterPending;

        /// <summary>Since when.</summary>
        public long PendingSince;

        /// <summary>The low byte, while the high one is awaited.</summary>
        public byte LowByte;

        /// <summary>The next write is the high byte.</summary>
        public bool WriteHigh;

        /// <summary>The next read is the high byte.</summary>
        public bool ReadHigh;

        /// <summary>The latched count; -1 when there is none.</summary>
        public int LatchedCount = -1;

        /// <summary>The latched status; -1 when there is none.</summary>
        public int LatchedStatus = -1;

        /// <summary>As at power-on.</summary>
        public State()
        {
        }

        /// <summary>True when a counter can be in it.</summary>
        public readonly bool IsPossible =>
            Enum.IsDefined(Phase) && Mode is >= 0 and <= 5 && Access is >= 1 and <= 3 && IsCount(CountRegister) && IsCount(Count)
            && IsTime(Start) && IsTime(PendingSince) && Held is >= 0 and <= LongestLife
            && LatchedCount is >= -1 and <= 0xFFFF && LatchedStatus is >= -1 and <= 0xFF;

        private static bool IsCount(int count) => count is >= 1 and <= 0x1_0000;

        // A counter that was held begins again as if it had begun earlier: before the machine, perhaps.
        private static bool IsTime(long time) => time is >= -LongestLife and <= LongestLife;
    }
}
