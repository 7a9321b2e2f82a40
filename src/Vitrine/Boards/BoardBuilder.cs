using System.Globalization;
using Vitrine.Acpi;
using Vitrine.Attachments;
using Vitrine.Devices;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Vitrine.Devices.Virtio;
using Vitrine.Run;

namespace Vitrine.Boards;

/// <summary>
/// Wires a board as it is declared: each device is attached to the buses and interrupt lines of its <see cref="DeviceSlot"/>, and what ACPI and loaders say of it is
/// taken from the same slot.
/// </summary>
internal sealed class BoardBuilder
{
    private readonly string _name;
    private readonly List<InterruptLine> _lines = [];
    private readonly List<IDevice> _devices = [];
    private readonly List<AcpiDevice> _acpiDevices = [];
    private readonly AcpiFixedHardware _fixed = new();
    private readonly List<int> _serialPorts = [];
    private readonly List<IoQueue> _queues = [];
    private readonly Dictionary<string, int> _kinds = [];
    private readonly Dictionary<int, SharedInterrupt> _interrupts = [];
    private PicPair? _pics;
    private IInterruptSink? _sink;
    private ulong _ioapic;
    private Uart16550? _console;

    /// <summary>Begins a board without devices.</summary>
    /// <param name="name">Name of the board.</param>
    /// <param name="context">What the machine gives to it.</param>
    public BoardBuilder(string name, BoardContext context)
    {
        _name = name;
        Context = context;
        Bus = new MachineBus(context.DeviceLock) { Output = context.Output };
        context.Output.Stalled = () => Bus.Request(ExitKind.Stalled);
        Clock = new DeviceClock(context.DeviceLock, context.Clock, context.Failed);
    }

    /// <summary>What the machine gives to the board.</summary>
    public BoardContext Context { get; }

    /// <summary>Time for its devices.</summary>
    public DeviceClock Clock { get; }

    /// <summary>Its buses.</summary>
    public MachineBus Bus { get; }

    /// <summary>Asks the machine for a reset. Device lock held.</summary>
    public void RequestReset() => Bus.Request(ExitKind.Reset);

    /// <summary>Asks the machine to power off. Device lock held.</summary>
    public void RequestPowerOff() => Bus.Request(ExitKind.PowerOff);

    /// <summary>Asks the machine to exit with a value. Device lock held.</summary>
    public void RequestExit(uint value) => Bus.Request(ExitKind.DebugExit, value);

    /// <summary>
    /// A PC's 8259 pair and IOAPIC, the accelerator's where it has them. They come before every device with an interrupt line.
    /// </summary>
    /// <param name="ioapic">Guest-physical address of the IOAPIC; an accelerator's own is at the same one.</param>
    public void InterruptControllers(ulong ioapic)
    {
        _ioapic = ioapic;
        IInterruptFabric interrupts = Context.Interrupts;
        if (interrupts.InAccelerator)
        {
            _sink = interrupts.AcceleratorLines;
            return;
        }

        PicPair pics = new(interrupts.ExternalLineChanged);
        pics.AttachTo(Bus.Ports);
        Ioapic apic = Memory(ioapic, IoapicRegisters.WindowLength).Add(new Ioapic(interrupts));
        Bus.InterruptAcknowledged = apic.EndOfInterrupt;
        interrupts.Connect(pics, Context.DeviceLock);
        _pics = pics;
        _devices.Add(pics.Master);
        _devices.Add(pics.Slave);
        _sink = new InterruptRouter(pics, apic);
    }

    /// <summary>A PC's interval timer and system control port B, the accelerator's where it has them.</summary>
    public void IntervalTimer()
    {
        if (Context.Interrupts.InAccelerator) return;
        Pit8254 timer = Ports(Pit8254Registers.Port, Pit8254Registers.PortCount).Interrupt(Pit8254Registers.Interrupt)
            .Add(line => new Pit8254(Clock, line));
        Ports(Pit8254Registers.SystemControlPortB, 1).Add(new SystemControlPortB(timer));
    }

    /// <summary>Begins the slot of a device with I/O ports.</summary>
    /// <inheritdoc cref="DeviceSlot.Ports" path="/param"/>
    public DeviceSlot Ports(int first, int count, int firstOffset = 0) => new DeviceSlot(this).Ports(first, count, firstOffset);

    /// <summary>Begins the slot of a device with device memory.</summary>
    /// <inheritdoc cref="DeviceSlot.Memory" path="/param"/>
    public DeviceSlot Memory(ulong start, ulong length) => new DeviceSlot(this).Memory(start, length);

    /// <summary>Makes a serial port the one that the machine's serial input goes to.</summary>
    public void Console(Uart16550 port)
    {
        _console = port;
        SerialInput input = Context.SerialInput;
        port.ReceiverReady = () => input.Offer(port.Receive);
    }

    /// <summary>A queue for a device's work, which goes with the board: nothing of before a reset of the machine completes after it.</summary>
    /// <inheritdoc cref="IoCompletions.CreateQueue" path="/param"/>
    public IIoQueue Queue(string name, int depth, int workers)
    {
        IoQueue queue = Context.Io.CreateQueue(name, depth, workers);
        _queues.Add(queue);
        return queue;
    }

    /// <summary>Makes an attached device, named by its kind and its number among its kind.</summary>
    public VirtioDevice Make(DeviceConfig device)
    {
        int number = _kinds.GetValueOrDefault(device.Kind);
        _kinds[device.Kind] = number + 1;
        return device.Create(device.Kind + number.ToString(CultureInfo.InvariantCulture), new DeviceContext
        {
            Cpus = Context.Cpus,
            Queue = Queue,
            Post = Context.Post,
            Notice = Context.Notice,
        });
    }

    /// <summary>Gives back what a board that is not finished would hold. Not with the device lock held.</summary>
    public void Abandon()
    {
        foreach (IoQueue queue in _queues) Context.Io.Remove(queue);
        Clock.Dispose();
    }

    /// <summary>Finishes the board.</summary>
    public IBoard Build()
    {
        AcpiHardware acpi = new()
        {
            BoardName = _name,
            Cpus = Context.Cpus,
            LocalApic = MemoryLayout.LocalApicBase,
            Ioapic = _ioapic,
            Fixed = _fixed,
            Devices = _acpiDevices,
        };
        BoardDescription description = new(Context.Memory, acpi, _serialPorts);
        return new Board
        {
            Bus = Bus,
            Clock = Clock,
            Lines = _lines,
            Devices = _devices,
            Pics = _pics,
            Interrupts = Context.Interrupts,
            Description = description,
            Console = _console,
            SerialInput = Context.SerialInput,
            Output = Context.Output,
            Io = Context.Io,
            Queues = _queues,
        };
    }

    /// <summary>An interrupt line of a device.</summary>
    /// <exception cref="InvalidOperationException">The interrupt controllers are not declared yet.</exception>
    internal InterruptLine Line(int number)
    {
        IInterruptSink sink = _sink ?? throw new InvalidOperationException("Interrupt controllers are declared before devices with an interrupt line.");
        if (!_interrupts.TryGetValue(number, out SharedInterrupt? interrupt)) _interrupts[number] = interrupt = new SharedInterrupt(sink);
        InterruptLine line = interrupt.AddLine(number);
        _lines.Add(line);
        return line;
    }

    /// <summary>Attaches a device to what its slot names, and takes up what ACPI says of it.</summary>
    /// <exception cref="ArgumentException">A range is taken, lies in RAM, or the device has no such interface.</exception>
    internal void Attach(object device, DeviceResources resources, string? acpiName, int? acpiUid)
    {
        foreach (PortRange range in resources.Ports)
        {
            Bus.Ports.Attach(As<IPortDevice>(device, "I/O ports"), range.First, range.Count, range.FirstOffset);
        }

        foreach (MmioRange range in resources.Memory)
        {
            if (Context.Memory.TouchesRam(range.Start, range.Length))
            {
                throw new ArgumentException($"Addresses 0x{range.Start:X}-0x{range.Start + range.Length - 1:X} of {device.GetType().Name} lie in RAM.", nameof(resources));
            }

            Bus.Memory.Attach(As<IMmioDevice>(device, "device memory"), range.Start, range.Length);
        }

        _devices.Add(As<IDevice>(device, "state"));
        if (device is Uart16550) _serialPorts.Add(resources.Ports[0].First);
        if (device is IAcpiFixedHardware part) part.DescribeTo(_fixed, resources);
        if (acpiName is not null) _acpiDevices.Add(new AcpiDevice(acpiName, acpiUid, As<IAcpiDevice>(device, "ACPI id"), resources));
    }

    private static T As<T>(object device, string what)
        where T : class =>
        device as T ?? throw new ArgumentException($"{device.GetType().Name} has no {what}.", nameof(device));
}
