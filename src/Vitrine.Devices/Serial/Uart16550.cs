using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using static Vitrine.Devices.Serial.Uart16550Registers;

namespace Vitrine.Devices.Serial;

/// <summary>
/// A 16550A serial port (National Semiconductor PC16550D). Bytes leave at once, whatever the divisor says, so the
/// transmitter is empty unless the reader is far behind; the character time-out is immediate too. The other side is a modem that is ready.
/// </summary>
public sealed class Uart16550 : IPortDevice, IInspectable, IAcpiDevice
{
    // The lines of a peer that is present and ready.
    private const byte PeerLines = MsrCts | MsrDsr | MsrDcd;

    private readonly InterruptLine _line;
    private readonly IByteSink _output;
    private readonly byte[] _received = new byte[FifoDepth];
    private int _receivedHead;
    private int _receivedCount;
    private bool _feederWaits;

    private byte _interruptEnable;
    private byte _fifoControl;
    private byte _lineControl;
    private byte _modemControl;
    private byte _modemStatus = PeerLines;
    private byte _scratch;
    private ushort _divisor = 12; // 9600 baud from 1.8432 MHz: what firmware leaves
    private bool _overrun;
    private bool _transmitterInterrupt;

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

    private bool FifosEnabled => (_fifoControl & FcrEnable) != 0;

    private bool DivisorLatch => (_lineControl & LcrDivisorLatch) != 0;

    private bool Loopback => (_modemControl & McrLoopback) != 0;

    private int Capacity => FifosEnabled ? FifoDepth : 1;

    private int TriggerLevel => !FifosEnabled ? 1 : (_fifoControl >> FcrTriggerShift) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };

    private bool IsTransmitterEmpty => Loopback || !_output.IsFull;

    private byte LineStatusBits =>
        (byte)((IsTransmitterEmpty ? LsrTransmitterEmpty | LsrTransmitterHoldingEmpty : 0)
            | (_overrun ? LsrOverrun : 0) | (_receivedCount != 0 ? LsrDataReady : 0));

    /// <summary>Offers bytes from outside. Flow is controlled: what does not fit is not taken, and nothing is ever lost.</summary>
    /// <returns>How many of the bytes were taken, from the front; 0 while the guest has the port in loopback.</returns>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        int taken = Loopback ? 0 : Math.Min(bytes.Length, Capacity - _receivedCount);
        foreach (byte value in bytes[..taken]) Enqueue(value);
        _feederWaits = taken < bytes.Length;
        UpdateLine();
        return taken;
    }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => offset switch
    {
        Data when DivisorLatch => (byte)_divisor,
        InterruptEnable when DivisorLatch => (byte)(_divisor >> 8),
        Data => ReadReceived(),
        InterruptEnable => _interruptEnable,
        InterruptIdentification => ReadInterruptIdentification(),
        LineControl => _lineControl,
        ModemControl => _modemControl,
        LineStatus => ReadLineStatus(),
        ModemStatus => ReadModemStatus(),
        Scratch => _scratch,
        _ => 0xFF,
    };

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        switch (offset)
        {
            case Data when DivisorLatch: _divisor = (ushort)((_divisor & 0xFF00) | written); break;
            case InterruptEnable when DivisorLatch: _divisor = (ushort)((_divisor & 0x00FF) | (written << 8)); break;
            case Data: Transmit(written); break;
            case InterruptEnable: WriteInterruptEnable(written); break;
            case InterruptIdentification: WriteFifoControl(written); break;
            case LineControl: _lineControl = written; break;
            case ModemControl: WriteModemControl(written); break;
            case Scratch: _scratch = written; break;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("ier", Hex(_interruptEnable));
        yield return new("iir", Hex(Identify() | (FifosEnabled ? IirFifosEnabled : 0)));
        yield return new("fcr", Hex(_fifoControl));
        yield return new("lcr", Hex(_lineControl));
        yield return new("mcr", Hex(_modemControl));
        yield return new("lsr", Hex(LineStatusBits));
        yield return new("msr", Hex(_modemStatus));
        yield return new("scr", Hex(_scratch));
        yield return new("divisor", _divisor.ToString(CultureInfo.InvariantCulture));
        yield return new("received", _receivedCount.ToString(CultureInfo.InvariantCulture));
        yield return new("interrupt", _line.Level ? "1" : "0");
    }

    private byte ReadReceived()
    {
        if (_receivedCount == 0) return 0;
        byte value = _received[_receivedHead];
        _receivedHead = (_receivedHead + 1) % FifoDepth;
        _receivedCount--;
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
            _transmitterInterrupt = false;
            UpdateLine();
        }
        return (byte)(source | (FifosEnabled ? IirFifosEnabled : 0));
    }

    private byte ReadLineStatus()
    {
        byte value = LineStatusBits;
        _overrun = false;
        UpdateLine();
        return value;
    }

    private byte ReadModemStatus()
    {
        byte value = _modemStatus;
        _modemStatus &= 0xF0;
        UpdateLine();
        return value;
    }

    private void Transmit(byte value)
    {
        // The holding register fills, which ends the interrupt, and is mostly empty again at once, which is a new one:
        // an edge-triggered controller must see both.
        _transmitterInterrupt = false;
        UpdateLine();
        if (Loopback) ReceiveLoopback(value);
        else _output.Write(new ReadOnlySpan<byte>(in value));
        TransmitterEmpties();
    }

    private void TransmitterEmpties()
    {
        if (!IsTransmitterEmpty) return;
        _transmitterInterrupt = true;
        UpdateLine();
    }

    private void ReceiveLoopback(byte value)
    {
        if (_receivedCount < Capacity)
        {
            Enqueue(value);
            return;
        }
        // A full FIFO keeps what it has and loses the new character; the one-byte buffer is overwritten (LSR bit 1).
        _overrun = true;
        if (!FifosEnabled) _received[_receivedHead] = value;
    }

    private void Enqueue(byte value)
    {
        _received[(_receivedHead + _receivedCount) % FifoDepth] = value;
        _receivedCount++;
    }

    private void WriteInterruptEnable(byte value)
    {
        byte raised = (byte)(value & ~_interruptEnable);
        _interruptEnable = (byte)(value & IerMask);
        // Enabling the interrupt while the holding register is empty raises it: drivers start transmission so.
        if ((raised & IerTransmitterEmpty) != 0 && IsTransmitterEmpty) _transmitterInterrupt = true;
        UpdateLine();
    }

    private void WriteFifoControl(byte value)
    {
        // Changing the enable bit clears the FIFOs; without it the other bits are not programmed.
        bool toggled = ((value ^ _fifoControl) & FcrEnable) != 0;
        bool clear = toggled || (value & (FcrEnable | FcrClearReceiver)) == (FcrEnable | FcrClearReceiver);
        _fifoControl = (value & FcrEnable) != 0 ? (byte)(value & (FcrEnable | (3 << FcrTriggerShift))) : (byte)0;
        if (clear) _receivedCount = 0;
        UpdateLine();
        WakeFeeder();
    }

    private void WriteModemControl(byte value)
    {
        _modemControl = (byte)(value & McrMask);
        byte lines = Loopback ? LoopedLines(_modemControl) : PeerLines;
        int changed = lines ^ _modemStatus;
        int deltas = (changed & (MsrCts | MsrDsr | MsrDcd)) >> 4;
        if ((changed & MsrRi) != 0 && (lines & MsrRi) == 0) deltas |= MsrTrailingEdgeRi;
        _modemStatus = (byte)(lines | (_modemStatus & 0x0F) | deltas);
        UpdateLine();
        WakeFeeder();
    }

    // Section 8.6: in loopback RTS drives CTS, DTR drives DSR, OUT1 drives RI, OUT2 drives DCD.
    private static byte LoopedLines(byte modemControl) => (byte)(
        ((modemControl & McrRts) != 0 ? MsrCts : 0) | ((modemControl & McrDtr) != 0 ? MsrDsr : 0)
        | ((modemControl & McrOut1) != 0 ? MsrRi : 0) | ((modemControl & McrOut2) != 0 ? MsrDcd : 0));

    private byte Identify()
    {
        if ((_interruptEnable & IerLineStatus) != 0 && _overrun) return IirLineStatus;
        if ((_interruptEnable & IerReceived) != 0 && _receivedCount != 0)
            return _receivedCount >= TriggerLevel ? IirReceived : IirTimeout;
        if ((_interruptEnable & IerTransmitterEmpty) != 0 && _transmitterInterrupt) return IirTransmitterEmpty;
        if ((_interruptEnable & IerModemStatus) != 0 && (_modemStatus & 0x0F) != 0) return IirModemStatus;
        return IirNone;
    }

    // On a PC the OUT2 pin opens the buffer between the chip and the interrupt line; loopback forces the pin inactive.
    private void UpdateLine() =>
        _line.Set((_modemControl & (McrOut2 | McrLoopback)) == McrOut2 && Identify() != IirNone);

    private void WakeFeeder()
    {
        if (!_feederWaits || _receivedCount != 0 || Loopback) return;
        _feederWaits = false;
        ReceiverReady?.Invoke();
    }
}
