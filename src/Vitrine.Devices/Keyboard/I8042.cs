using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Keyboard.I8042Registers;

namespace Vitrine.Devices.Keyboard;

/// <summary>
/// An AT keyboard controller with nothing plugged in and no auxiliary port. Commands are carried out at once. A byte for
/// a keyboard comes back as "resend" with the time-out bit set, which is what the controller reports when nobody
/// answers. The gate of address line 20 is kept but masks nothing, as on processors without an A20M# pin.
/// </summary>
public sealed class I8042 : IPortDevice, IDevice, IAcpiDevice, IAcpiFixedHardware
{
    private const int RamSize = 32;

    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.I8042);

    private readonly InterruptLine _line;
    private readonly Action _reset;
    private State _state = new();

    /// <summary>Creates the controller as firmware leaves it: self-test passed, keyboard enabled and translated.</summary>
    /// <param name="line">The keyboard's interrupt line.</param>
    /// <param name="reset">Called when the guest pulses the reset line, with the device lock held.</param>
    public I8042(InterruptLine line, Action reset)
    {
        _line = line;
        _reset = reset;
    }

    /// <inheritdoc/>
    public string Name => "i8042";

    /// <inheritdoc/>
    public string AcpiHardwareId => "PNP0303";

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources) => hardware.HasKeyboardController = true;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => offset == CommandOffset ? _state.Status : ReadData();

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        if (offset == CommandOffset) Command((byte)value);
        else WriteData((byte)value);
        UpdateLine();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _state = new();
        UpdateLine();
    }

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Ram.Length == RamSize, Name, $"its RAM has {state.Ram.Length} bytes, not {RamSize}");
        _state = state;
        _line.Restore(RequestsInterrupt);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(byte value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("status", Hex(_state.Status));
        yield return new("command-byte", Hex(_state.Ram[0]));
        yield return new("output-buffer", Hex(_state.Output));
        yield return new("output-port", Hex(_state.OutputPort));
        yield return new("pending-command", Hex(_state.PendingCommand));
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte ReadData()
    {
        _state.Status &= unchecked((byte)~(StatusOutputFull | StatusTimeout));
        UpdateLine();
        return _state.Output;
    }

    private void Command(byte command)
    {
        _state.Status |= StatusCommand;
        _state.PendingCommand = 0;
        switch (command)
        {
            case >= ReadRam and <= ReadRamLast: Answer(_state.Ram[command - ReadRam]); break;
            case >= WriteRam and <= WriteRamLast: _state.PendingCommand = command; break;
            case DisableAuxiliary: _state.Ram[0] |= AuxiliaryDisabled; break;
            case EnableAuxiliary: _state.Ram[0] &= unchecked((byte)~AuxiliaryDisabled); break;
            case TestAuxiliary: Answer(ClockLineStuckLow); break;
            case SelfTest: Answer(SelfTestPassed); break;
            case TestKeyboard: Answer(InterfaceTestPassed); break;
            case DisableKeyboard: _state.Ram[0] |= KeyboardDisabled; break;
            case EnableKeyboard: _state.Ram[0] &= unchecked((byte)~KeyboardDisabled); break;
            case ReadInputPort: Answer(InputPortIdle); break;
            case ReadOutputPort: Answer((byte)(_state.OutputPort | ((_state.Status & StatusOutputFull) != 0 ? OutputKeyboardFull : 0))); break;
            case WriteOutputPort or WriteKeyboardBuffer or WriteAuxiliaryBuffer or WriteAuxiliary: _state.PendingCommand = command; break;
            // Output lines whose bit is 0 are pulsed low; line 0 is the processor's reset.
            case >= PulseFirst when (command & OutputNoReset) == 0: _reset(); break;
        }
    }

    private void WriteData(byte value)
    {
        byte command = _state.PendingCommand;
        _state.PendingCommand = 0;
        _state.Status &= unchecked((byte)~StatusCommand);
        switch (command)
        {
            case >= WriteRam and <= WriteRamLast:
                _state.Ram[command - WriteRam] = value;
                _state.Status = (byte)((_state.Status & ~StatusSystem) | (_state.Ram[0] & SystemFlag));
                break;
            case WriteOutputPort:
                _state.OutputPort = (byte)(value & (OutputNoReset | OutputAddressLine20) | OutputIdle);
                if ((value & OutputNoReset) == 0) _reset();
                break;
            // Without an auxiliary port its byte arrives as the keyboard's, which tells a driver so at once.
            case WriteKeyboardBuffer or WriteAuxiliaryBuffer:
                Answer(value);
                break;
            case WriteAuxiliary:
                AnswerTimeout();
                break;
            default:
                // The controller enables the keyboard to send to it.
                _state.Ram[0] &= unchecked((byte)~KeyboardDisabled);
                AnswerTimeout();
                break;
        }
    }

    private void AnswerTimeout()
    {
        Answer(Resend);
        _state.Status |= StatusTimeout;
    }

    private void Answer(byte value)
    {
        _state.Output = value;
        _state.Status = (byte)((_state.Status & ~StatusTimeout) | StatusOutputFull);
    }

    private bool RequestsInterrupt => (_state.Status & StatusOutputFull) != 0 && (_state.Ram[0] & KeyboardInterrupt) != 0;

    private void UpdateLine() => _line.Set(RequestsInterrupt);

    /// <summary>What the controller holds; new, as firmware leaves it.</summary>
    internal struct State
    {
        /// <summary>Its RAM, the command byte first.</summary>
        public byte[] Ram = new byte[RamSize];

        /// <summary>The output port P2.</summary>
        public byte OutputPort = OutputNoReset | OutputAddressLine20 | OutputIdle;

        /// <summary>The output buffer.</summary>
        public byte Output;

        /// <summary>The status register.</summary>
        public byte Status = StatusSystem | StatusUnlocked;

        /// <summary>The command that the next data byte belongs to; 0 for none.</summary>
        public byte PendingCommand;

        /// <summary>As firmware leaves it.</summary>
        public State() => Ram[0] = SystemFlag | AuxiliaryDisabled | Translate;
    }
}
