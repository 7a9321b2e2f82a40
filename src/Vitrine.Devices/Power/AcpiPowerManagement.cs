using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;
using Vitrine.Devices.Timing;
using Vitrine.Errors;
using static Vitrine.Devices.Power.AcpiPowerManagementRegisters;

namespace Vitrine.Devices.Power;

/// <summary>
/// The ACPI PM1a event and control blocks and the power management timer. The machine is always in ACPI mode, so events
/// raise the SCI and never an SMI. The only sleep state is S5.
/// </summary>
public sealed class AcpiPowerManagement : IPortDevice, IDevice, IAcpiFixedHardware
{
    private static readonly ClockRate Rate = new(TimerHertz);
    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.AcpiPowerManagement);

    private readonly IDeviceClock _clock;
    private readonly InterruptLine _sci;
    private readonly Action _powerOff;
    private readonly IDeviceTimer _carry;
    private State _state;

    /// <summary>Creates the registers in their reset state.</summary>
    /// <param name="clock">Time base of the timer.</param>
    /// <param name="sci">The system control interrupt.</param>
    /// <param name="powerOff">Called when the guest enters S5, with the device lock held.</param>
    public AcpiPowerManagement(IDeviceClock clock, InterruptLine sci, Action powerOff)
    {
        _clock = clock;
        _sci = sci;
        _powerOff = powerOff;
        _carry = clock.CreateTimer(Update);
        _state = PowerOn();
    }

    /// <inheritdoc/>
    public string Name => "acpi-pm";

    /// <inheritdoc/>
    public int WidestPortAccess => 4;

    private long Ticks => Rate.TicksAt(_clock.Nanoseconds);

    // How often the timer's top bit has changed since the machine was created; a reset doesn't set the timer back.
    private long Carries => Ticks >> (TimerBits - 1);

    /// <summary>The user presses the power button: a guest that listens shuts down.</summary>
    public void PressPowerButton()
    {
        _state.Status |= PowerButton;
        Update();
    }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        NoteCarry();
        uint register = (offset & ~3) switch
        {
            EventOffset => _state.Status | ((uint)_state.Enable << 16),
            ControlOffset => (uint)(_state.Control | SciEnable),
            TimerOffset => (uint)Ticks,
            _ => uint.MaxValue,
        };
        return register >> (8 * (offset & 3));
    }

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        NoteCarry();
        for (int i = 0; i < size; i++) WriteByte(offset + i, (byte)(value >> (8 * i)));
        Update();
    }

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources)
    {
        int port = resources.Ports[0].First;
        hardware.ControlInterrupt = resources.Interrupts[0];
        hardware.EventBlock = new AcpiRegister(port + EventOffset, EventBlockLength);
        hardware.ControlBlock = new AcpiRegister(port + ControlOffset, ControlBlockLength);
        hardware.TimerBlock = new AcpiRegister(port + TimerOffset, TimerBlockLength);
        hardware.SoftOffSleepType = SleepTypeS5;
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
        InvalidState.Unless((state.Enable & ~EnableBits) == 0, Name, "a reserved bit of PM1 enable is set");
        InvalidState.Unless((state.Control & ~ControlKept) == 0, Name, "a bit of PM1 control is set that isn't kept");
        InvalidState.Unless(
            state.CarriesSeen >= 0 && state.CarriesSeen <= Rate.TicksAt(long.MaxValue) >> (TimerBits - 1), Name, "its timer has run beyond its life");
        _state = state;
        _sci.Restore(RequestsInterrupt);
        FollowTimer();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X4", CultureInfo.InvariantCulture);
        yield return new("pm1-status", Hex(_state.Status));
        yield return new("pm1-enable", Hex(_state.Enable));
        yield return new("pm1-control", Hex(_state.Control | SciEnable));
        yield return new("timer", ((uint)Ticks).ToString("X8", CultureInfo.InvariantCulture));
        yield return new("sci", _sci.Level ? "1" : "0");
    }

    private void WriteByte(int offset, byte value)
    {
        switch (offset)
        {
            case EventOffset: _state.Status &= (ushort)~value; break; // a written one clears
            case EventOffset + 1: _state.Status &= (ushort)~(value << 8); break;
            case EventOffset + 2: _state.Enable = (ushort)(((_state.Enable & 0xFF00) | value) & EnableBits); break;
            case EventOffset + 3: _state.Enable = (ushort)(((_state.Enable & 0x00FF) | (value << 8)) & EnableBits); break;
            case ControlOffset: _state.Control = (ushort)(((_state.Control & 0xFF00) | value) & ControlKept); break;
            case ControlOffset + 1:
                _state.Control = (ushort)(((_state.Control & 0x00FF) | (value << 8)) & ControlKept);
                if (((value << 8) & SleepEnable) != 0 && _state.Control >> SleepTypeShift == SleepTypeS5) _powerOff();
                break;
        }
    }

    // TMR_STS is set whenever the timer's top bit changes.
    private void NoteCarry()
    {
        long carries = Carries;
        if (carries == _state.CarriesSeen) return;
        _state.CarriesSeen = carries;
        _state.Status |= TimerEvent;
    }

    private void Update()
    {
        NoteCarry();
        _sci.Set(RequestsInterrupt);
        FollowTimer();
    }

    private bool RequestsInterrupt => (_state.Status & _state.Enable) != 0;

    private State PowerOn() => new() { CarriesSeen = Carries };

    private void FollowTimer()
    {
        if ((_state.Enable & TimerEvent) != 0) _carry.Arm(Rate.NanosecondsAt((_state.CarriesSeen + 1) << (TimerBits - 1)));
        else _carry.Cancel();
    }

    /// <summary>What the registers hold.</summary>
    internal struct State
    {
        /// <summary>PM1 status.</summary>
        public ushort Status;

        /// <summary>PM1 enable.</summary>
        public ushort Enable;

        /// <summary>PM1 control, without what always reads the same.</summary>
        public ushort Control;

        /// <summary>How often the timer's top bit has changed, as far as the status has seen it.</summary>
        public long CarriesSeen;
    }
}
