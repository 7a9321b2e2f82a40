using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Timing;
using static Vitrine.Devices.Power.AcpiPowerManagementRegisters;

namespace Vitrine.Devices.Power;

/// <summary>
/// The ACPI PM1a event and control blocks and the power management timer. The machine is always in ACPI mode, so events
/// raise the SCI and never an SMI. The only sleep state is S5.
/// </summary>
public sealed class AcpiPowerManagement : IPortDevice, IInspectable, IAcpiFixedHardware
{
    private static readonly ClockRate Rate = new(TimerHertz);

    private readonly IDeviceClock _clock;
    private readonly InterruptLine _sci;
    private readonly Action _powerOff;
    private readonly IDeviceTimer _carry;
    private ushort _status;
    private ushort _enable;
    private ushort _control;
    private long _carriesSeen;

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
        _carriesSeen = Carries;
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
        _status |= PowerButton;
        Update();
    }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        NoteCarry();
        uint register = (offset & ~3) switch
        {
            EventOffset => _status | ((uint)_enable << 16),
            ControlOffset => (uint)(_control | SciEnable),
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
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X4", CultureInfo.InvariantCulture);
        yield return new("pm1-status", Hex(_status));
        yield return new("pm1-enable", Hex(_enable));
        yield return new("pm1-control", Hex(_control | SciEnable));
        yield return new("timer", ((uint)Ticks).ToString("X8", CultureInfo.InvariantCulture));
        yield return new("sci", _sci.Level ? "1" : "0");
    }

    private void WriteByte(int offset, byte value)
    {
        switch (offset)
        {
            case EventOffset: _status &= (ushort)~value; break; // a written one clears
            case EventOffset + 1: _status &= (ushort)~(value << 8); break;
            case EventOffset + 2: _enable = (ushort)(((_enable & 0xFF00) | value) & EnableBits); break;
            case EventOffset + 3: _enable = (ushort)(((_enable & 0x00FF) | (value << 8)) & EnableBits); break;
            case ControlOffset: _control = (ushort)(((_control & 0xFF00) | value) & ControlKept); break;
            case ControlOffset + 1:
                _control = (ushort)(((_control & 0x00FF) | (value << 8)) & ControlKept);
                if (((value << 8) & SleepEnable) != 0 && _control >> SleepTypeShift == SleepTypeS5) _powerOff();
                break;
        }
    }

    // TMR_STS is set whenever the timer's top bit changes.
    private void NoteCarry()
    {
        long carries = Carries;
        if (carries == _carriesSeen) return;
        _carriesSeen = carries;
        _status |= TimerEvent;
    }

    private void Update()
    {
        NoteCarry();
        _sci.Set((_status & _enable) != 0);
        if ((_enable & TimerEvent) != 0) _carry.Arm(Rate.NanosecondsAt((_carriesSeen + 1) << (TimerBits - 1)));
        else _carry.Cancel();
    }
}
