using Vitrine.Boot;
using Vitrine.Devices;
using Vitrine.Devices.Debug;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Keyboard;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.Boards;

/// <summary>
/// The board "microvm": a PC reduced to what an unmodified kernel needs to boot, keep time, talk and power off.
/// </summary>
/// <remarks>
/// <code>
/// ports    0x020 0x0A0 0x4D0  8259 pair and ELCR *      memory  0xFEC00000  IOAPIC *
///          0x040 0x061        8254, control port B *            0xFEE00000  local APICs (the accelerator's)
///          0x060 0x064        i8042              IRQ 1
///          0x070              CMOS clock         IRQ 8   * where the accelerator has no controllers of its own
///          0x080              POST code
///          0x092              control port A
///          0x0F4              debug exit
///          0x3F8              16550 serial port  IRQ 4
///          0x402              debug console
///          0x600              ACPI events, S5, timer     IRQ 9
///          0xCF9              reset control
/// </code>
/// </remarks>
internal sealed class MicrovmBoard : IDisposable
{
    private readonly DeviceClock _clock;
    private readonly Uart16550 _serial;
    private readonly SerialInput _serialInput;
    private readonly List<InterruptLine> _lines = [];
    private readonly List<IInspectable> _devices = [];
    private bool _disposed;

    /// <summary>Wires the board. All devices are in their state after power-on.</summary>
    /// <param name="config">The machine's configuration.</param>
    /// <param name="deviceLock">The machine's device lock.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="interrupts">The way to the local APICs.</param>
    /// <param name="serialInput">What waits for the serial port.</param>
    /// <param name="serialOutput">Keeps what the serial port has sent.</param>
    public MicrovmBoard(
        MachineConfig config, Lock deviceLock, MachineClock clock, BoardInterrupts interrupts, SerialInput serialInput, SerialTranscript serialOutput)
    {
        Bus = new MachineBus(deviceLock);
        _clock = new DeviceClock(deviceLock, clock);
        lock (deviceLock)
        {
            IInterruptSink sink = interrupts.InAccelerator ? interrupts.AcceleratorLines : WireControllers(interrupts);
            if (!interrupts.InAccelerator) WireTimer(sink);
            WireFirmwareDevices(config, sink);
            WirePower(sink);
            _serialInput = serialInput;
            _serial = WireConsoles(config, sink, serialOutput);
        }
    }

    /// <summary>Ports, device memory, and the lock.</summary>
    public MachineBus Bus { get; }

    /// <summary>The devices that can be looked into.</summary>
    public IReadOnlyList<IInspectable> Devices => _devices;

    /// <summary>Lets the serial port take what waits for it. Any thread.</summary>
    public void FeedSerial()
    {
        lock (Bus.DeviceLock)
        {
            if (!_disposed) _serialInput.Offer(_serial.Receive);
        }
    }

    /// <summary>Stops the timers and lets go of all interrupt lines.</summary>
    public void Dispose()
    {
        _clock.Dispose();
        lock (Bus.DeviceLock)
        {
            foreach (InterruptLine line in _lines) line.Set(false);
            _disposed = true;
        }
    }

    private InterruptRouter WireControllers(BoardInterrupts interrupts)
    {
        PicPair pics = new(interrupts.ExternalLineChanged);
        pics.AttachTo(Bus.Ports);
        Ioapic ioapic = Add(new Ioapic(interrupts));
        Bus.Memory.Attach(ioapic, MemoryLayout.IoapicBase, IoapicRegisters.WindowLength);
        Bus.InterruptAcknowledged = ioapic.EndOfInterrupt;
        interrupts.Connect(pics, Bus.DeviceLock);
        _devices.Add(pics.Master);
        _devices.Add(pics.Slave);
        return new InterruptRouter(pics, ioapic);
    }

    private void WireTimer(IInterruptSink sink)
    {
        Pit8254 timer = Add(new Pit8254(_clock, Line(sink, Pit8254Registers.Interrupt)));
        Bus.Ports.Attach(timer, Pit8254Registers.Port, Pit8254Registers.PortCount);
        Bus.Ports.Attach(Add(new SystemControlPortB(timer)), Pit8254Registers.SystemControlPortB, 1);
    }

    private void WireFirmwareDevices(MachineConfig config, IInterruptSink sink)
    {
        MemoryLayout layout = new(config.MemoryBytes);
        CmosRtc rtc = Add(new CmosRtc(_clock, Line(sink, CmosRtcRegisters.Interrupt), layout.LowBytes, layout.HighBytes));
        Bus.Ports.Attach(rtc, CmosRtcRegisters.Port, CmosRtcRegisters.PortCount);
        I8042 keyboard = Add(new I8042(Line(sink, I8042Registers.Interrupt), RequestReset));
        Bus.Ports.Attach(keyboard, I8042Registers.DataPort, 1, I8042Registers.DataOffset);
        Bus.Ports.Attach(keyboard, I8042Registers.CommandPort, 1, I8042Registers.CommandOffset);
        Bus.Ports.Attach(Add(new PostCode()), PostCode.Port, 1);
    }

    private void WirePower(IInterruptSink sink)
    {
        AcpiPowerManagement power = Add(new AcpiPowerManagement(
            _clock, Line(sink, AcpiPowerManagementRegisters.Interrupt), () => Bus.Request(ExitKind.PowerOff)));
        Bus.Ports.Attach(power, AcpiPowerManagementRegisters.Port, AcpiPowerManagementRegisters.PortCount);
        Bus.Ports.Attach(Add(new ResetControl(RequestReset)), ResetControlRegisters.FirstPort, ResetControlRegisters.PortCount);
        Bus.Ports.Attach(Add(new SystemControlPortA(RequestReset)), SystemControlPortA.Port, 1);
        Bus.Ports.Attach(new DebugExit(value => Bus.Request(ExitKind.DebugExit, value)), DebugExit.Port, DebugExit.PortCount);
    }

    private Uart16550 WireConsoles(MachineConfig config, IInterruptSink sink, SerialTranscript serialOutput)
    {
        // First to whoever shows it: who waits for a text finds it shown.
        Action<ReadOnlySpan<byte>> output = (config.SerialOutput ?? Discard) + serialOutput.Append;
        Uart16550 serial = Add(new Uart16550("uart0", Line(sink, Uart16550Registers.Com1Interrupt), output));
        serial.ReceiverReady = () => _serialInput.Offer(serial.Receive);
        Bus.Ports.Attach(serial, Uart16550Registers.Com1Port, Uart16550Registers.PortCount);
        Bus.Ports.Attach(new DebugConsole(config.DebugOutput ?? Discard), DebugConsole.Port, 1);
        return serial;
    }

    private static void Discard(ReadOnlySpan<byte> bytes)
    {
    }

    private void RequestReset() => Bus.Request(ExitKind.Reset);

    private InterruptLine Line(IInterruptSink sink, int number)
    {
        InterruptLine line = new(sink, number);
        _lines.Add(line);
        return line;
    }

    private T Add<T>(T device)
        where T : IInspectable
    {
        _devices.Add(device);
        return device;
    }
}
