using System.Buffers.Binary;
using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Timing.CmosRtcRegisters;

namespace Vitrine.Devices.Timing;

/// <summary>
/// An MC146818 clock with 128 bytes of CMOS RAM. It shows the host's UTC time plus the difference that the guest has set, and so goes on while
/// the machine is held, as with a battery; periodic interrupts follow the machine's time.
/// Nothing runs between accesses except a timer for an interrupt that is enabled and not yet pending.
/// </summary>
public sealed class CmosRtc : IPortDevice, IDevice, IAcpiDevice, IAcpiFixedHardware
{
    private const long TicksPerSecond = TimeSpan.TicksPerSecond;

    // Those of DateTime.MaxValue, the end of the calendar.
    private const long MaximumTicks = 3_155_378_975_999_999_999;

    // UIP rises 244 us before the update, which takes 1984 us with a 32,768 Hz crystal (table 1 and figure 14).
    private const long UpdateTicks = 2228 * TimeSpan.TicksPerMicrosecond;

    // The first update comes half a second after the divider is released from reset.
    private const long HalfSecond = TicksPerSecond / 2;

    private static readonly ClockRate Crystal = new(32_768);

    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.CmosRtc);

    private readonly IDeviceClock _clock;
    private readonly InterruptLine _line;
    private readonly IDeviceTimer _timer;
    private readonly ulong _lowMemory;
    private readonly ulong _highMemory;
    private State _state;

    /// <summary>Creates the clock with the host's time, and stores the sizes of memory for firmware.</summary>
    /// <param name="clock">Time base.</param>
    /// <param name="line">Its interrupt line.</param>
    /// <param name="lowMemory">Bytes of RAM below 4 GiB.</param>
    /// <param name="highMemory">Bytes of RAM from 4 GiB.</param>
    public CmosRtc(IDeviceClock clock, InterruptLine line, ulong lowMemory, ulong highMemory)
    {
        _clock = clock;
        _line = line;
        _lowMemory = lowMemory;
        _highMemory = highMemory;
        _timer = clock.CreateTimer(Update);
        _state = PowerOn();
    }

    /// <inheritdoc/>
    public string Name => "rtc";

    /// <inheritdoc/>
    public string AcpiHardwareId => "PNP0B00";

    /// <summary>Whether the guest has masked the NMI (port 0x70, bit 7).</summary>
    public bool NmiMasked => _state.NmiMasked;

    private bool IsFrozen => (_state.Ram[RegisterB] & Set) != 0 || IsDividerReset;

    private bool IsDividerReset => (_state.Ram[RegisterA] & DividerReset) == DividerReset;

    // The guest may choose years at either end of the calendar; there its clock stops.
    private long GuestTicks => Math.Clamp(_clock.WallClock.UtcTicks + _state.Offset, 0, DateTime.MaxValue.Ticks);

    private RtcFormat Format => new(
        (_state.Ram[RegisterB] & Binary) != 0, (_state.Ram[RegisterB] & TwentyFourHours) != 0);

    /// <summary>Length of the periodic interrupt in cycles of the crystal; 0 when it is off.</summary>
    private long PeriodCycles => PeriodCyclesOf(_state.Ram[RegisterA]);

    private static long PeriodCyclesOf(byte registerA) => (registerA & RateMask) switch
    {
        0 => 0,
        _ when (registerA & DividerReset) == DividerReset => 0,
        int rate and < 3 => 64L << rate, // 256 and 128 Hz, as 8 and 9 give
        int rate => 1L << (rate - 1),
    };

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources) => hardware.CenturyRegister = Century;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        if (offset == 0) return 0xFF; // the index can't be read back
        switch (_state.Index)
        {
            case RegisterA: return RegisterAValue;
            case RegisterC: return ReadFlags();
            default:
                if (IsTime(_state.Index) && !IsFrozen) LoadTime();
                return _state.Ram[_state.Index];
        }
    }

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            _state.Index = (byte)(value & (RamSize - 1));
            _state.NmiMasked = (value & RamSize) != 0;
            return;
        }
        Synchronize();
        byte written = (byte)value;
        switch (_state.Index)
        {
            case RegisterA: WriteControl(RegisterA, (byte)(written & ~UpdateInProgress)); break;
            // Setting the time also disables the update interrupt.
            case RegisterB: WriteControl(RegisterB, (written & Set) != 0 ? (byte)(written & ~UpdateEnable) : written); break;
            case RegisterC or RegisterD: break;
            case byte index when IsTime(index) && !IsFrozen:
                LoadTime();
                _state.Ram[index] = written;
                StoreTime(GuestTicks % TicksPerSecond);
                break;
            default: _state.Ram[_state.Index] = written; break;
        }
        Update();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _state = PowerOn();
        Update();
    }

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Ram.Length == RamSize, Name, $"its RAM has {state.Ram.Length} bytes, not {RamSize}");
        InvalidState.Unless(state.Index < RamSize, Name, $"it can't have register 0x{state.Index:X2} selected");
        InvalidState.Unless((state.Ram[RegisterA] & UpdateInProgress) == 0, Name, "the update bit is kept, which is not held");
        InvalidState.Unless(state.Offset is >= -MaximumTicks and <= MaximumTicks, Name, "its time lies beyond the calendar");
        InvalidState.Unless(state.LastSecond is >= 0 and <= MaximumTicks / TicksPerSecond, Name, "its last second lies beyond the calendar");
        InvalidState.Unless(state.LastPeriod >= 0 && state.LastPeriod <= Crystal.TicksAt(long.MaxValue), Name, "its last period lies beyond its life");
        _state = state;
        _line.Restore(RequestsInterrupt);
        FollowTime();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(byte value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("time", new DateTime(GuestTicks, DateTimeKind.Utc).ToString("s", CultureInfo.InvariantCulture));
        yield return new("index", Hex(_state.Index));
        yield return new("a", Hex(RegisterAValue));
        yield return new("b", Hex(_state.Ram[RegisterB]));
        yield return new("c", Hex(_state.Ram[RegisterC]));
        yield return new("alarm", $"{Hex(_state.Ram[HoursAlarm])}:{Hex(_state.Ram[MinutesAlarm])}:{Hex(_state.Ram[SecondsAlarm])}");
        yield return new("nmi-masked", _state.NmiMasked ? "1" : "0");
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte RegisterAValue
    {
        get
        {
            bool updates = !IsFrozen && GuestTicks % TicksPerSecond >= TicksPerSecond - UpdateTicks;
            return (byte)(_state.Ram[RegisterA] | (updates ? UpdateInProgress : 0));
        }
    }

    private static bool IsTime(int index) =>
        index is Seconds or Minutes or Hours or Weekday or Day or Month or Year or Century;

    private byte ReadFlags()
    {
        Synchronize();
        byte flags = _state.Ram[RegisterC];
        if ((flags & _state.Ram[RegisterB] & InterruptSources) != 0) flags |= InterruptFlag;
        _state.Ram[RegisterC] = 0;
        Update();
        return flags;
    }

    private void WriteControl(int register, byte value)
    {
        bool wasFrozen = IsFrozen;
        bool wasReset = IsDividerReset;
        if (!wasFrozen) LoadTime();
        _state.Ram[register] = value;
        if (wasFrozen && !IsFrozen) StoreTime(wasReset ? HalfSecond : GuestTicks % TicksPerSecond);
        _state.LastPeriod = CurrentPeriod;
    }

    private void LoadTime() => Format.Write(new(GuestTicks), _state.Ram);

    private void StoreTime(long fraction)
    {
        _state.Offset = Format.Read(_state.Ram).Ticks + fraction - _clock.WallClock.UtcTicks;
        _state.LastSecond = GuestTicks / TicksPerSecond;
    }

    private long CurrentPeriod => PeriodAt(_clock.Nanoseconds, PeriodCycles);

    private static long PeriodAt(long nanoseconds, long cycles) => cycles > 0 ? Crystal.TicksAt(nanoseconds) / cycles : 0;

    /// <summary>Sets the flags of all that has happened since the last time.</summary>
    private void Synchronize()
    {
        long period = CurrentPeriod;
        if (period > _state.LastPeriod) _state.Ram[RegisterC] |= PeriodicFlag;
        _state.LastPeriod = period;
        if (IsFrozen) return;
        long second = GuestTicks / TicksPerSecond;
        if (second > _state.LastSecond)
        {
            _state.Ram[RegisterC] |= UpdateFlag;
            if (NextAlarm() <= second) _state.Ram[RegisterC] |= AlarmFlag;
        }
        _state.LastSecond = second; // also when the host's clock was set back
    }

    private long NextAlarm() =>
        Format.NextAlarm(_state.LastSecond, _state.Ram[HoursAlarm], _state.Ram[MinutesAlarm], _state.Ram[SecondsAlarm]);

    private bool RequestsInterrupt => (_state.Ram[RegisterC] & _state.Ram[RegisterB] & InterruptSources) != 0;

    private void Update()
    {
        Synchronize();
        _line.Set(RequestsInterrupt);
        FollowTime();
    }

    /// <summary>Arms the timer for the next interrupt.</summary>
    private void FollowTime()
    {
        int flags = _state.Ram[RegisterC];
        int enables = _state.Ram[RegisterB];

        // A flag that is set already can't interrupt again before register C is read.
        int awaited = enables & ~flags;
        long deadline = long.MaxValue;
        if ((awaited & PeriodicEnable) != 0 && PeriodCycles is var cycles and > 0)
            deadline = Crystal.NanosecondsAt((_state.LastPeriod + 1) * cycles);
        if ((awaited & UpdateEnable) != 0 && !IsFrozen) deadline = Math.Min(deadline, AtSecond(_state.LastSecond + 1));
        if ((awaited & AlarmEnable) != 0 && !IsFrozen) deadline = Math.Min(deadline, AtSecond(NextAlarm()));
        if (deadline == long.MaxValue) _timer.Cancel();
        else _timer.Arm(deadline);
    }

    /// <summary>When the guest's clock reaches a second, on the scale of the device clock.</summary>
    private long AtSecond(long second)
    {
        if (second >= DateTime.MaxValue.Ticks / TicksPerSecond) return long.MaxValue;
        long ticks = second * TicksPerSecond - GuestTicks;
        // The two host clocks differ a little: an expiry just before the second waits on, but not in a tight loop.
        return _clock.Nanoseconds + Math.Max(ticks, TimeSpan.TicksPerMillisecond / 10) * TimeSpan.NanosecondsPerTick;
    }

    private State PowerOn()
    {
        State state = new() { LastSecond = _clock.WallClock.UtcTicks / TicksPerSecond };
        state.LastPeriod = PeriodAt(_clock.Nanoseconds, PeriodCyclesOf(DefaultA));
        StoreMemorySizes(state.Ram, _lowMemory, _highMemory);
        return state;
    }

    private static void StoreMemorySizes(byte[] ram, ulong lowMemory, ulong highMemory)
    {
        const ulong Megabyte = 1 << 20;
        static ulong Above(ulong size, ulong start) => size > start ? size - start : 0;
        void Store(int register, ulong value) =>
            BinaryPrimitives.WriteUInt16LittleEndian(ram.AsSpan(register), (ushort)Math.Min(value, ushort.MaxValue));

        ram[Equipment] = EquipmentCoprocessor;
        Store(BaseKilobytes, Math.Min(lowMemory >> 10, 640));
        Store(ExtendedKilobytes, Above(lowMemory, Megabyte) >> 10);
        Store(ExtendedKilobytesCopy, Above(lowMemory, Megabyte) >> 10);
        Store(Above16Megabytes, Above(lowMemory, 16 * Megabyte) >> 16);
        ulong high = Math.Min(highMemory >> 16, 0xFF_FFFF);
        Store(Above4Gigabytes, high & 0xFFFF);
        ram[Above4Gigabytes + 2] = (byte)(high >> 16);
    }

    /// <summary>What the clock holds.</summary>
    internal struct State
    {
        /// <summary>The registers and the bytes behind them.</summary>
        public byte[] Ram = new byte[RamSize];

        /// <summary>The byte that the data port shows.</summary>
        public byte Index;

        /// <summary>Bit 7 of the index port.</summary>
        public bool NmiMasked;

        /// <summary>The guest's time minus calendar time, in ticks of 100 ns.</summary>
        public long Offset;

        /// <summary>The last second whose update was seen, since the calendar began.</summary>
        public long LastSecond;

        /// <summary>The last period that was seen.</summary>
        public long LastPeriod;

        /// <summary>As at power-on, before the time and the sizes of memory are known.</summary>
        public State()
        {
            Ram[RegisterA] = DefaultA;
            Ram[RegisterB] = TwentyFourHours;
            Ram[RegisterD] = ValidRam;
        }
    }
}
