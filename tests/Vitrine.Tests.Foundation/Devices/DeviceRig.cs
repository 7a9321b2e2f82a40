using System.Text.Json;
using Vitrine.Devices;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Debug;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Devices.Keyboard;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;
using Vitrine.Devices.State;
using Vitrine.Devices.Timing;

namespace Vitrine.Tests.Devices;

/// <summary>
/// Every device of the board, wired together without processors, and a stream of random events for them. Two rigs that are given the same events behave alike,
/// which <see cref="Log"/> shows if it is kept.
/// </summary>
internal sealed class DeviceRig : IInterruptMessageSink
{
    // Where devices answer, and a port or two beside them.
    private static readonly (int First, int Count)[] s_ranges =
    [
        (0x20, 2), (0xA0, 2), (0x4D0, 2), (0x40, 4), (0x60, 5), (0x70, 2), (0x3F8, 8), (0x600, 12), (0xCF8, 4),
        (0x92, 1), (0x80, 1), (0xF4, 4), (0x402, 1),
    ];

    private readonly PicPair _pics;
    private readonly Ioapic _ioapic;
    private readonly Uart16550 _uart;
    private readonly AcpiPowerManagement _power;
    private readonly byte[] _data = new byte[8];

    public DeviceRig(long now = 0)
    {
        Clock = new ManualClock(now);
        _pics = new(level => Log?.Add($"INT {level}"));
        _ioapic = new(this);
        InterruptRouter router = new(_pics, _ioapic);
        InterruptLine Line(int number) => new(router, number);
        Pit8254 pit = new(Clock, Line(Pit8254Registers.Interrupt));
        SystemControlPortB portB = new(pit);
        CmosRtc rtc = new(Clock, Line(CmosRtcRegisters.Interrupt), 1UL << 29, 1UL << 32);
        _uart = new("uart0", Line(Uart16550Registers.Com1Interrupt), new LoggingSink(this, "sent")) { ReceiverReady = () => Log?.Add("receiver ready") };
        I8042 keyboard = new(Line(I8042Registers.Interrupt), () => Log?.Add("reset by the keyboard controller"));
        _power = new(Clock, Line(AcpiPowerManagementRegisters.Interrupt), () => Log?.Add("power off"));
        ResetControl reset = new(() => Log?.Add("reset by its register"));
        SystemControlPortA portA = new(() => Log?.Add("reset by port A"));
        PostCode post = new();
        DebugExit exit = new(value => Log?.Add($"exit {value:x}"));
        DebugConsole console = new(new LoggingSink(this, "debug"));
        Devices = [_pics.Master, _pics.Slave, _ioapic, pit, portB, rtc, _uart, keyboard, _power, reset, portA, post, exit, console];

        Memory.Attach(_ioapic, IoapicRegisters.BaseAddress, IoapicRegisters.WindowLength);
        _pics.AttachTo(Ports);
        Ports.Attach(pit, Pit8254Registers.Port, Pit8254Registers.PortCount);
        Ports.Attach(portB, Pit8254Registers.SystemControlPortB, 1);
        Ports.Attach(rtc, CmosRtcRegisters.Port, CmosRtcRegisters.PortCount);
        Ports.Attach(_uart, Uart16550Registers.Com1Port, Uart16550Registers.PortCount);
        Ports.Attach(keyboard, I8042Registers.DataPort, 1, I8042Registers.DataOffset);
        Ports.Attach(keyboard, I8042Registers.CommandPort, 1, I8042Registers.CommandOffset);
        Ports.Attach(_power, AcpiPowerManagementRegisters.Port, AcpiPowerManagementRegisters.PortCount);
        Ports.Attach(reset, ResetControlRegisters.FirstPort, ResetControlRegisters.PortCount);
        Ports.Attach(portA, SystemControlPortA.Port, 1);
        Ports.Attach(post, PostCode.Port, 1);
        Ports.Attach(exit, DebugExit.Port, DebugExit.PortCount);
        Ports.Attach(console, DebugConsole.Port, 1);
    }

    public static ReadOnlySpan<(int First, int Count)> Ranges => s_ranges;

    public ManualClock Clock { get; }

    public PortBus Ports { get; } = new();

    public MmioBus Memory { get; } = new();

    public IReadOnlyList<IDevice> Devices { get; }

    /// <summary>What came out of the devices; null when nobody wants it.</summary>
    public List<string>? Log { get; set; }

    /// <summary>Vectors of level-triggered interrupts whose end is due: a guest's state, not a device's.</summary>
    public Queue<byte> PendingEois { get; } = new();

    int IInterruptMessageSink.Send(ulong address, uint data)
    {
        Xunit.Assert.Equal(0xFEE0_0000u, address & 0xFFFF_FFFF_FFF0_0000);
        Log?.Add($"message {address:x} {data:x}");

        // A guest that ends each level-triggered interrupt at once.
        if ((data & 0x8000) != 0 && PendingEois.Count < 64) PendingEois.Enqueue((byte)data);
        return 1;
    }

    /// <summary>Lets one thing happen: an access of a guest, mostly, or time, input, an acknowledgement.</summary>
    public void Happen(Random random)
    {
        random.NextBytes(_data);
        switch (random.Next(20))
        {
            case 0:
                Clock.Advance(random.NextInt64(1L << random.Next(28)));
                break;
            case 1:
                int taken = _uart.Receive(_data.AsSpan(0, random.Next(9)));
                Log?.Add($"took {taken}");
                break;
            case 2:
                byte acknowledged = _pics.Acknowledge();
                Log?.Add($"vector {acknowledged:x2}");

                // A pin that stays asserted sends again at once: no guest ends interrupts for ever.
                for (int ends = random.Next(8); ends > 0 && PendingEois.TryDequeue(out byte vector); ends--) _ioapic.EndOfInterrupt(vector);
                break;
            case 3 or 4 or 5:
                ulong offset = random.Next(4) == 0 ? (ulong)random.Next(0x1010) : (ulong)random.Next(8) * 0x10;
                int width = random.Next(1, 9);
                Memory.Access(0xFEC0_0000 + offset - (ulong)random.Next(2), width, random.Next(2) == 0, _data);
                Log?.Add($"memory {offset:x} {Convert.ToHexString(_data)}");
                break;
            case 6 when random.Next(100) == 0:
                _power.PressPowerButton();
                break;
            default:
                (int first, int count) = s_ranges[random.Next(s_ranges.Length)];
                int port = first - 1 + random.Next(count + 1);
                Ports.Access((ushort)port, 1 << random.Next(3), random.Next(3) != 0, _data);
                Log?.Add($"port {port:x} {Convert.ToHexString(_data)}");
                break;
        }
    }

    /// <summary>The state of each device as text, as a file would have it.</summary>
    public string[] Save() => [.. Devices.Select(device => device.Save().State.GetRawText())];

    /// <summary>Loads what <see cref="Save"/> gave.</summary>
    public void Load(string[] states)
    {
        for (int i = 0; i < states.Length; i++) Load(Devices[i], states[i]);
    }

    public static void Load(IDevice device, string state)
    {
        using JsonDocument document = JsonDocument.Parse(state);
        device.Load(new DeviceState(device.Name, device.Save().Version, document.RootElement));
    }

    // Is never full.
    private sealed class LoggingSink(DeviceRig rig, string name) : IByteSink
    {
        public bool IsFull => false;

        public Action? RoomAgain { get; set; }

        public void Write(ReadOnlySpan<byte> bytes) => rig.Log?.Add($"{name} {bytes[0]:x2}");
    }
}
