using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using static Vitrine.Devices.Keyboard.I8042Registers;

namespace Vitrine.Devices.Keyboard;

/// <summary>
/// An AT keyboard controller with nothing plugged in and no auxiliary port. Commands are carried out at once. A byte for
/// a keyboard comes back as "resend" with the time-out bit set, which is what the controller reports when nobody
/// answers. The gate of address line 20 is kept but masks nothing, as on processors without an A20M# pin.
/// </summary>
public sealed class I8042 : IPortDevice, IInspectable, IAcpiDevice, IAcpiFixedHardware
{
    private readonly InterruptLine _line;
    private readonly Action _reset;
    private readonly byte[] _ram = new byte[32];
    private byte _outputPort = OutputNoReset | OutputAddressLine20 | OutputIdle;
    private byte _output;
    private byte _status = StatusSystem | StatusUnlocked;
    private byte _pendingCommand; // the command that the next data byte belongs to; 0 for none

    /// <summary>Creates the controller as firmware leaves it: self-test passed, keyboard enabled and translated.</summary>
    /// <param name="line">The keyboard's interrupt line.</param>
    /// <param name="reset">Called when the guest pulses the reset line, with the device lock held.</param>
    public I8042(InterruptLine line, Action reset)
    {
        _line = line;
        _reset = reset;
        _ram[0] = SystemFlag | AuxiliaryDisabled | Translate;
    }

    /// <inheritdoc/>
    public string Name => "i8042";

    /// <inheritdoc/>
    public string AcpiHardwareId => "PNP0303";

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources) => hardware.HasKeyboardController = true;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => offset == CommandOffset ? _status : ReadData();

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        if (offset == CommandOffset) Command((byte)value);
        else WriteData((byte)value);
        UpdateLine();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(byte value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("status", Hex(_status));
        yield return new("command-byte", Hex(_ram[0]));
        yield return new("output-buffer", Hex(_output));
        yield return new("output-port", Hex(_outputPort));
        yield return new("pending-command", Hex(_pendingCommand));
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte ReadData()
    {
        _status &= unchecked((byte)~(StatusOutputFull | StatusTimeout));
        UpdateLine();
        return _output;
    }

    private void Command(byte command)
    {
        _status |= StatusCommand;
        _pendingCommand = 0;
        switch (command)
        {
            case >= ReadRam and <= ReadRamLast: Answer(_ram[command - ReadRam]); break;
            case >= WriteRam and <= WriteRamLast: _pendingCommand = command; break;
            case DisableAuxiliary: _ram[0] |= AuxiliaryDisabled; break;
            case EnableAuxiliary: _ram[0] &= unchecked((byte)~AuxiliaryDisabled); break;
            case TestAuxiliary: Answer(ClockLineStuckLow); break;
            case SelfTest: Answer(SelfTestPassed); break;
            case TestKeyboard: Answer(InterfaceTestPassed); break;
            case DisableKeyboard: _ram[0] |= KeyboardDisabled; break;
            case EnableKeyboard: _ram[0] &= unchecked((byte)~KeyboardDisabled); break;
            case ReadInputPort: Answer(InputPortIdle); break;
            case ReadOutputPort: Answer((byte)(_outputPort | ((_status & StatusOutputFull) != 0 ? OutputKeyboardFull : 0))); break;
            case WriteOutputPort or WriteKeyboardBuffer or WriteAuxiliaryBuffer or WriteAuxiliary: _pendingCommand = command; break;
            // Output lines whose bit is 0 are pulsed low; line 0 is the processor's reset.
            case >= PulseFirst when (command & OutputNoReset) == 0: _reset(); break;
        }
    }

    private void WriteData(byte value)
    {
        byte command = _pendingCommand;
        _pendingCommand = 0;
        _status &= unchecked((byte)~StatusCommand);
        switch (command)
        {
            case >= WriteRam and <= WriteRamLast:
                _ram[command - WriteRam] = value;
                _status = (byte)((_status & ~StatusSystem) | (_ram[0] & SystemFlag));
                break;
            case WriteOutputPort:
                _outputPort = (byte)(value & (OutputNoReset | OutputAddressLine20) | OutputIdle);
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
                _ram[0] &= unchecked((byte)~KeyboardDisabled);
                AnswerTimeout();
                break;
        }
    }

    private void AnswerTimeout()
    {
        Answer(Resend);
        _status |= StatusTimeout;
    }

    private void Answer(byte value)
    {
        _output = value;
        _status = (byte)((_status & ~StatusTimeout) | StatusOutputFull);
    }

    private void UpdateLine() =>
        _line.Set((_status & StatusOutputFull) != 0 && (_ram[0] & KeyboardInterrupt) != 0);
}
