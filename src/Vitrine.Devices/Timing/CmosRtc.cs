using System.Buffers.Binary;
using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using static Vitrine.Devices.Timing.CmosRtcRegisters;

namespace Vitrine.Devices.Timing;

/// <summary>
/// An MC146818 clock with 128 bytes of CMOS RAM. It shows the host's UTC time plus the difference that the guest has set, and so goes on while
/// the machine is held, as with a battery; periodic interrupts follow the machine's time.
/// Nothing runs between accesses except a timer for an interrupt that is enabled and not yet pending.
/// </summary>
public sealed class CmosRtc : IPortDevice, IInspectable, IAcpiDevice, IAcpiFixedHardware
{
    private const long TicksPerSecond = TimeSpan.TicksPerSecond;

    // UIP rises 244 us before the update, which takes 1984 us with a 32,768 Hz crystal (table 1 and figure 14).
    private const long UpdateTicks = 2228 * TimeSpan.TicksPerMicrosecond;

    // The first update comes half a second after the divider is released from reset.
    private const long HalfSecond = TicksPerSecond / 2;

    private static readonly ClockRate Crystal = new(32_768);

    private readonly IDeviceClock _clock;
    private readonly InterruptLine _line;
    private readonly IDeviceTimer _timer;
    private readonly byte[] _ram = new byte[RamSize];
    private byte _index;
    private long _offset;        // guest time minus host time, in ticks of 100 ns
    private long _lastSecond;    // the last second whose update was seen
    private long _lastPeriod;    // the last period that was seen

    /// <summary>Creates the clock with the host's time, and stores the sizes of memory for firmware.</summary>
    /// <param name="clock">Time base.</param>
    /// <param name="line">Its interrupt line.</param>
    /// <param name="lowMemory">Bytes of RAM below 4 GiB.</param>
    /// <param name="highMemory">Bytes of RAM from 4 GiB.</param>
    public CmosRtc(IDeviceClock clock, InterruptLine line, ulong lowMemory, ulong highMemory)
    {
        _clock = clock;
        _line = line;
        _timer = clock.CreateTimer(Update);
        _ram[RegisterA] = DefaultA;
        _ram[RegisterB] = TwentyFourHours;
        _ram[RegisterD] = ValidRam;
        _lastSecond = GuestTicks / TicksPerSecond;
        _lastPeriod = CurrentPeriod;
        StoreMemorySizes(lowMemory, highMemory);
    }

    /// <inheritdoc/>
    public string Name => "rtc";

    /// <inheritdoc/>
    public string AcpiHardwareId => "PNP0B00";

    /// <summary>Whether the guest has masked the NMI (port 0x70, bit 7).</summary>
    public bool NmiMasked { get; private set; }

    private bool IsFrozen => (_ram[RegisterB] & Set) != 0 || IsDividerReset;

    private bool IsDividerReset => (_ram[RegisterA] & DividerReset) == DividerReset;

    // The guest may choose years at either end of the calendar; there its clock stops.
    private long GuestTicks => Math.Clamp(_clock.WallClock.UtcTicks + _offset, 0, DateTime.MaxValue.Ticks);

    private RtcFormat Format => new(
        (_ram[RegisterB] & Binary) != 0, (_ram[RegisterB] & TwentyFourHours) != 0);

    /// <summary>Length of the periodic interrupt in cycles of the crystal; 0 when it is off.</summary>
    private long PeriodCycles => (_ram[RegisterA] & RateMask) switch
    {
        0 => 0,
        _ when IsDividerReset => 0,
        int rate and < 3 => 64L << rate, // 256 and 128 Hz, as 8 and 9 give
        int rate => 1L << (rate - 1),
    };

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources) => hardware.CenturyRegister = Century;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        if (offset == 0) return 0xFF; // the index can't be read back
        switch (_index)
        {
            case RegisterA: return RegisterAValue;
            case RegisterC: return ReadFlags();
            default:
                if (IsTime(_index) && !IsFrozen) LoadTime();
                return _ram[_index];
        }
    }

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            _index = (byte)(value & (RamSize - 1));
            NmiMasked = (value & RamSize) != 0;
            return;
        }
        Synchronize();
        byte written = (byte)value;
        switch (_index)
        {
            case RegisterA: WriteControl(RegisterA, (byte)(written & ~UpdateInProgress)); break;
            // Setting the time also disables the update interrupt.
            case RegisterB: WriteControl(RegisterB, (written & Set) != 0 ? (byte)(written & ~UpdateEnable) : written); break;
            case RegisterC or RegisterD: break;
            case byte index when IsTime(index) && !IsFrozen:
                LoadTime();
                _ram[index] = written;
                StoreTime(GuestTicks % TicksPerSecond);
                break;
            default: _ram[_index] = written; break;
        }
        Update();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(byte value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("time", new DateTime(GuestTicks, DateTimeKind.Utc).ToString("s", CultureInfo.InvariantCulture));
        yield return new("index", Hex(_index));
        yield return new("a", Hex(RegisterAValue));
        yield return new("b", Hex(_ram[RegisterB]));
        yield return new("c", Hex(_ram[RegisterC]));
        yield return new("alarm", $"{Hex(_ram[HoursAlarm])}:{Hex(_ram[MinutesAlarm])}:{Hex(_ram[SecondsAlarm])}");
        yield return new("nmi-masked", NmiMasked ? "1" : "0");
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte RegisterAValue
    {
        get
        {
            bool updates = !IsFrozen && GuestTicks % TicksPerSecond >= TicksPerSecond - UpdateTicks;
            return (byte)(_ram[RegisterA] | (updates ? UpdateInProgress : 0));
        }
    }

    private static bool IsTime(int index) =>
        index is Seconds or Minutes or Hours or Weekday or Day or Month or Year or Century;

    private byte ReadFlags()
    {
        Synchronize();
        byte flags = _ram[RegisterC];
        if ((flags & _ram[RegisterB] & InterruptSources) != 0) flags |= InterruptFlag;
        _ram[RegisterC] = 0;
        Update();
        return flags;
    }

    private void WriteControl(int register, byte value)
    {
        bool wasFrozen = IsFrozen;
        bool wasReset = IsDividerReset;
        if (!wasFrozen) LoadTime();
        _ram[register] = value;
        if (wasFrozen && !IsFrozen) StoreTime(wasReset ? HalfSecond : GuestTicks % TicksPerSecond);
        _lastPeriod = CurrentPeriod;
    }

    private void LoadTime() => Format.Write(new(GuestTicks), _ram);

    private void StoreTime(long fraction)
    {
        _offset = Format.Read(_ram).Ticks + fraction - _clock.WallClock.UtcTicks;
        _lastSecond = GuestTicks / TicksPerSecond;
    }

    private long CurrentPeriod => PeriodCycles is var cycles and > 0 ? Crystal.TicksAt(_clock.Nanoseconds) / cycles : 0;

    /// <summary>Sets the flags of all that has happened since the last time.</summary>
    private void Synchronize()
    {
        long period = CurrentPeriod;
        if (period > _lastPeriod) _ram[RegisterC] |= PeriodicFlag;
        _lastPeriod = period;
        if (IsFrozen) return;
        long second = GuestTicks / TicksPerSecond;
        if (second > _lastSecond)
        {
            _ram[RegisterC] |= UpdateFlag;
            if (NextAlarm() <= second) _ram[RegisterC] |= AlarmFlag;
        }
        _lastSecond = second; // also when the host's clock was set back
    }

    private long NextAlarm() =>
        Format.NextAlarm(_lastSecond, _ram[HoursAlarm], _ram[MinutesAlarm], _ram[SecondsAlarm]);

    private void Update()
    {
        Synchronize();
        int flags = _ram[RegisterC];
        int enables = _ram[RegisterB];
        _line.Set((flags & enables & InterruptSources) != 0);

        // A flag that is set already can't interrupt again before register C is read.
        int awaited = enables & ~flags;
        long deadline = long.MaxValue;
        if ((awaited & PeriodicEnable) != 0 && PeriodCycles is var cycles and > 0)
            deadline = Crystal.NanosecondsAt((_lastPeriod + 1) * cycles);
        if ((awaited & UpdateEnable) != 0 && !IsFrozen) deadline = Math.Min(deadline, AtSecond(_lastSecond + 1));
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

    private void StoreMemorySizes(ulong lowMemory, ulong highMemory)
    {
        const ulong Megabyte = 1 << 20;
        static ulong Above(ulong size, ulong start) => size > start ? size - start : 0;
        void Store(int register, ulong value) =>
            BinaryPrimitives.WriteUInt16LittleEndian(_ram.AsSpan(register), (ushort)Math.Min(value, ushort.MaxValue));

        _ram[Equipment] = EquipmentCoprocessor;
        Store(BaseKilobytes, Math.Min(lowMemory >> 10, 640));
        Store(ExtendedKilobytes, Above(lowMemory, Megabyte) >> 10);
        Store(ExtendedKilobytesCopy, Above(lowMemory, Megabyte) >> 10);
        Store(Above16Megabytes, Above(lowMemory, 16 * Megabyte) >> 16);
        ulong high = Math.Min(highMemory >> 16, 0xFF_FFFF);
        Store(Above4Gigabytes, high & 0xFFFF);
        _ram[Above4Gigabytes + 2] = (byte)(high >> 16);
    }
}
