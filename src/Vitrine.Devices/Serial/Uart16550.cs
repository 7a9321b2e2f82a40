using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Serial.Uart16550Registers;

namespace Vitrine.Devices.Serial;

/// <summary>
/// A 16550A serial port (National Semiconductor PC16550D). Bytes leave at once, whatever the divisor says, so the
/// transmitter is empty unless the reader is far behind; the character time-out is immediate too. The other side is a modem that is ready.
/// </summary>
public sealed class Uart16550 : IPortDevice, IDevice, IAcpiDevice
{
    // The lines of a peer that is present and ready.
    private const byte PeerLines = MsrCts | MsrDsr | MsrDcd;

    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.Uart16550);

    private readonly InterruptLine _line;
    private readonly IByteSink _output;
    private State _state = new();

    /// <summary>Creates the port in its reset state.</summary>
    /// <param name="name">Name of the node in the inspection tree.</param>
    /// <param name="line">Its interrupt line.</param>
    /// <param name="output">Receives what the guest sends. A guest that heeds the transmitter's state is held up while it is full; a byte of another is sent too.</param>
    public Uart16550(string name, InterruptLine line, IByteSink output)
    {
        Name = name;
        _line = line;
        _output = output;
        output.RoomAgain = TransmitterEmpties;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string AcpiHardwareId => "PNP0501";

    /// <summary>
    /// Called when <see cref="Receive"/> has refused bytes and the receiver is empty again, so that the feeder can go on.
    /// Runs with the device lock held and may call <see cref="Receive"/>.
    /// </summary>
    public Action? ReceiverReady { get; set; }

    private bool FifosEnabled => (_state.FifoControl & FcrEnable) != 0;

    private bool DivisorLatch => (_state.LineControl & LcrDivisorLatch) != 0;

    private bool Loopback => (_state.ModemControl & McrLoopback) != 0;

    private int Capacity => FifosEnabled ? FifoDepth : 1;

    private int TriggerLevel => !FifosEnabled ? 1 : (_state.FifoControl >> FcrTriggerShift) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };

    private bool IsTransmitterEmpty => Loopback || !_output.IsFull;

    private byte LineStatusBits =>
        (byte)((IsTransmitterEmpty ? LsrTransmitterEmpty | LsrTransmitterHoldingEmpty : 0)
            | (_state.Overrun ? LsrOverrun : 0) | (_state.ReceivedCount != 0 ? LsrDataReady : 0));

    /// <summary>Offers bytes from outside. Flow is controlled: what does not fit is not taken, and nothing is ever lost.</summary>
    /// <returns>How many of the bytes were taken, from the front; 0 while the guest has the port in loopback.</returns>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        int taken = Loopback ? 0 : Math.Min(bytes.Length, Capacity - _state.ReceivedCount);
        foreach (byte value in bytes[..taken]) Enqueue(value);
        _state.FeederWaits = taken < bytes.Length;
        UpdateLine();
        return taken;
    }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => offset switch
    {
        Data when DivisorLatch => (byte)_state.Divisor,
        InterruptEnable when DivisorLatch => (byte)(_state.Divisor >> 8),
        Data => ReadReceived(),
        InterruptEnable => _state.InterruptEnable,
        InterruptIdentification => ReadInterruptIdentification(),
        LineControl => _state.LineControl,
        ModemControl => _state.ModemControl,
        LineStatus => ReadLineStatus(),
        ModemStatus => ReadModemStatus(),
        Scratch => _state.Scratch,
        _ => 0xFF,
    };

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        switch (offset)
        {
            case Data when DivisorLatch: _state.Divisor = (ushort)((_state.Divisor & 0xFF00) | written); break;
            case InterruptEnable when DivisorLatch: _state.Divisor = (ushort)((_state.Divisor & 0x00FF) | (written << 8)); break;
            case Data: Transmit(written); break;
            case InterruptEnable: WriteInterruptEnable(written); break;
            case InterruptIdentification: WriteFifoControl(written); break;
            case LineControl: _state.LineControl = written; break;
            case ModemControl: WriteModemControl(written); break;
            case Scratch: _state.Scratch = written; break;
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _state = new();
        _line.Set(false);
    }

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Received.Length == FifoDepth, Name, $"its FIFO has {state.Received.Length} bytes, not {FifoDepth}");
        InvalidState.Unless(state.ReceivedHead is >= 0 and < FifoDepth, Name, $"its FIFO can't begin at {state.ReceivedHead}");
        int capacity = (state.FifoControl & FcrEnable) != 0 ? FifoDepth : 1;
        InvalidState.Unless(
            state.ReceivedCount >= 0 && state.ReceivedCount <= capacity, Name, $"it can't have received {state.ReceivedCount} bytes, with room for {capacity}");
        InvalidState.Unless((state.InterruptEnable & ~IerMask) == 0, Name, "a reserved bit of IER is set");
        InvalidState.Unless((state.FifoControl & ~(FcrEnable | (3 << FcrTriggerShift))) == 0, Name, "a bit of FCR is set that isn't kept");
        InvalidState.Unless((state.ModemControl & ~McrMask) == 0, Name, "a reserved bit of MCR is set");
        _state = state;
        _line.Restore(RequestsInterrupt);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("ier", Hex(_state.InterruptEnable));
        yield return new("iir", Hex(Identify() | (FifosEnabled ? IirFifosEnabled : 0)));
        yield return new("fcr", Hex(_state.FifoControl));
        yield return new("lcr", Hex(_state.LineControl));
        yield return new("mcr", Hex(_state.ModemControl));
        yield return new("lsr", Hex(LineStatusBits));
        yield return new("msr", Hex(_state.ModemStatus));
        yield return new("scr", Hex(_state.Scratch));
        yield return new("divisor", _state.Divisor.ToString(CultureInfo.InvariantCulture));
        yield return new("received", _state.ReceivedCount.ToString(CultureInfo.InvariantCulture));
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte ReadReceived()
    {
        if (_state.ReceivedCount == 0) return 0;
        byte value = _state.Received[_state.ReceivedHead];
        _state.ReceivedHead = (_state.ReceivedHead + 1) % FifoDepth;
        _state.ReceivedCount--;
        UpdateLine();
        WakeFeeder();
        return value;
    }

    private byte ReadInterruptIdentification()
    {
        byte source = Identify();
        // Reading clears the interrupt only when the transmitter is what is reported (table 4).
        if (source == IirTransmitterEmpty)
        {
            _state.TransmitterInterrupt = false;
            UpdateLine();
        }
        return (byte)(source | (FifosEnabled ? IirFifosEnabled : 0));
    }

    private byte ReadLineStatus()
    {
        byte value = LineStatusBits;
        _state.Overrun = false;
        UpdateLine();
        return value;
    }

    private byte ReadModemStatus()
    {
        byte value = _state.ModemStatus;
        _state.ModemStatus &= 0xF0;
        UpdateLine();
        return value;
    }

    private void Transmit(byte value)
    {
        // The holding register fills, which ends the interrupt, and is mostly empty again at once, which is a new one:
        // an edge-triggered controller must see both.
        _state.TransmitterInterrupt = false;
        UpdateLine();
        if (Loopback) ReceiveLoopback(value);
        else _output.Write(new ReadOnlySpan<byte>(in value));
        TransmitterEmpties();
    }

    private void TransmitterEmpties()
    {
        if (!IsTransmitterEmpty) return;
        _state.TransmitterInterrupt = true;
        UpdateLine();
    }

    private void ReceiveLoopback(byte value)
    {
        if (_state.ReceivedCount < Capacity)
        {
            Enqueue(value);
            return;
        }
        // A full FIFO keeps what it has and loses the new character; the one-byte buffer is overwritten (LSR bit 1).
        _state.Overrun = true;
        if (!FifosEnabled) _state.Received[_state.ReceivedHead] = value;
    }

    private void Enqueue(byte value)
    {
        _state.Received[(_state.ReceivedHead + _state.ReceivedCount) % FifoDepth] = value;
        _state.ReceivedCount++;
    }

    private void WriteInterruptEnable(byte value)
    {
        byte raised = (byte)(value & ~_state.InterruptEnable);
        _state.InterruptEnable = (byte)(value & IerMask);
        // Enabling the interrupt while the holding register is empty raises it: drivers start transmission so.
        if ((raised & IerTransmitterEmpty) != 0 && IsTransmitterEmpty) _state.TransmitterInterrupt = true;
        UpdateLine();
    }

    private void WriteFifoControl(byte value)
    {
        // Changing the enable bit clears the FIFOs; without it the other bits are not programmed.
        bool toggled = ((value ^ _state.FifoControl) & FcrEnable) != 0;
        bool clear = toggled || (value & (FcrEnable | FcrClearReceiver)) == (FcrEnable | FcrClearReceiver);
        _state.FifoControl = (value & FcrEnable) != 0 ? (byte)(value & (FcrEnable | (3 << FcrTriggerShift))) : (byte)0;
        if (clear) _state.ReceivedCount = 0;
        UpdateLine();
        WakeFeeder();
    }

    private void WriteModemControl(byte value)
    {
        _state.ModemControl = (byte)(value & McrMask);
        byte lines = Loopback ? LoopedLines(_state.ModemControl) : PeerLines;
        int changed = lines ^ _state.ModemStatus;
        int deltas = (changed & (MsrCts | MsrDsr | MsrDcd)) >> 4;
        if ((changed & MsrRi) != 0 && (lines & MsrRi) == 0) deltas |= MsrTrailingEdgeRi;
        _state.ModemStatus = (byte)(lines | (_state.ModemStatus & 0x0F) | deltas);
        UpdateLine();
        WakeFeeder();
    }

    // Section 8.6: in loopback RTS drives CTS, DTR drives DSR, OUT1 drives RI, OUT2 drives DCD.
    private static byte LoopedLines(byte modemControl) => (byte)(
        ((modemControl & McrRts) != 0 ? MsrCts : 0) | ((modemControl & McrDtr) != 0 ? MsrDsr : 0)
        | ((modemControl & McrOut1) != 0 ? MsrRi : 0) | ((modemControl & McrOut2) != 0 ? MsrDcd : 0));

    private byte Identify()
    {
        if ((_state.InterruptEnable & IerLineStatus) != 0 && _state.Overrun) return IirLineStatus;
        if ((_state.InterruptEnable & IerReceived) != 0 && _state.ReceivedCount != 0)
            return _state.ReceivedCount >= TriggerLevel ? IirReceived : IirTimeout;
        if ((_state.InterruptEnable & IerTransmitterEmpty) != 0 && _state.TransmitterInterrupt) return IirTransmitterEmpty;
        if ((_state.InterruptEnable & IerModemStatus) != 0 && (_state.ModemStatus & 0x0F) != 0) return IirModemStatus;
        return IirNone;
    }

    // On a PC the OUT2 pin opens the buffer between the chip and the interrupt line; loopback forces the pin inactive.
    private bool RequestsInterrupt => (_state.ModemControl & (McrOut2 | McrLoopback)) == McrOut2 && Identify() != IirNone;

    private void UpdateLine() => _line.Set(RequestsInterrupt);

    private void WakeFeeder()
    {
        if (!_state.FeederWaits || _state.ReceivedCount != 0 || Loopback) return;
        _state.FeederWaits = false;
        ReceiverReady?.Invoke();
    }

    /// <summary>What the port holds; new, as after a reset.</summary>
    internal struct State
    {
        /// <summary>The receiver's FIFO, a ring.</summary>
        public byte[] Received = new byte[FifoDepth];

        /// <summary>Index of the oldest byte in it.</summary>
        public int ReceivedHead;

        /// <summary>How many bytes are in it.</summary>
        public int ReceivedCount;

        /// <summary>Bytes were refused: whoever has them is to be called when there is room.</summary>
        public bool FeederWaits;

        /// <summary>IER.</summary>
        public byte InterruptEnable;

        /// <summary>FCR, without the bits that clear the FIFOs.</summary>
        public byte FifoControl;

        /// <summary>LCR.</summary>
        public byte LineControl;

        /// <summary>MCR.</summary>
        public byte ModemControl;

        /// <summary>MSR.</summary>
        public byte ModemStatus = PeerLines;

        /// <summary>SCR.</summary>
        public byte Scratch;

        /// <summary>DLL and DLM. 9600 baud from 1.8432 MHz: what firmware leaves.</summary>
        public ushort Divisor = 12;

        /// <summary>LSR bit 1.</summary>
        public bool Overrun;

        /// <summary>The transmitter has become empty, and nobody has looked.</summary>
        public bool TransmitterInterrupt;

        /// <summary>As after a reset.</summary>
        public State()
        {
        }
    }
}
