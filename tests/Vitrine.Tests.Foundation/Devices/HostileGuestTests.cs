using Vitrine.Devices;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Debug;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Devices.Keyboard;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Xunit;

namespace Vitrine.Tests.Devices;

/// <summary>Every device of the board together, fed with garbage: nothing a guest writes may throw, hang or allocate.</summary>
public sealed class HostileGuestTests : IInterruptMessageSink
{
    private readonly ManualClock _clock = new();
    private readonly PortBus _ports = new();
    private readonly MmioBus _memory = new();
    private readonly PicPair _pics;
    private readonly Ioapic _ioapic;
    private readonly Uart16550 _uart;
    private readonly AcpiPowerManagement _power;
    private readonly (int First, int Count)[] _ranges;
    private readonly IInspectable[] _devices;
    private readonly Queue<byte> _pendingEois = new();

    public HostileGuestTests()
    {
        _pics = new(_ => { });
        _ioapic = new(this);
        InterruptRouter router = new(_pics, _ioapic);
        InterruptLine Line(int number) => new(router, number);
        Pit8254 pit = new(_clock, Line(Pit8254Registers.Interrupt));
        SystemControlPortB portB = new(pit);
        CmosRtc rtc = new(_clock, Line(CmosRtcRegisters.Interrupt), 1UL << 29, 1UL << 32);
        _uart = new("uart0", Line(Uart16550Registers.Com1Interrupt), new Nowhere());
        I8042 keyboard = new(Line(I8042Registers.Interrupt), () => { });
        _power = new(_clock, Line(AcpiPowerManagementRegisters.Interrupt), () => { });
        ResetControl reset = new(() => { });
        SystemControlPortA portA = new(() => { });
        PostCode post = new();
        _devices = [_pics.Master, _pics.Slave, _ioapic, pit, portB, rtc, _uart, keyboard, _power, reset, portA, post];

        _memory.Attach(_ioapic, IoapicRegisters.BaseAddress, IoapicRegisters.WindowLength);
        _pics.AttachTo(_ports);
        _ports.Attach(pit, Pit8254Registers.Port, Pit8254Registers.PortCount);
        _ports.Attach(portB, Pit8254Registers.SystemControlPortB, 1);
        _ports.Attach(rtc, CmosRtcRegisters.Port, CmosRtcRegisters.PortCount);
        _ports.Attach(_uart, Uart16550Registers.Com1Port, Uart16550Registers.PortCount);
        _ports.Attach(keyboard, I8042Registers.DataPort, 1, I8042Registers.DataOffset);
        _ports.Attach(keyboard, I8042Registers.CommandPort, 1, I8042Registers.CommandOffset);
        _ports.Attach(_power, AcpiPowerManagementRegisters.Port, AcpiPowerManagementRegisters.PortCount);
        _ports.Attach(reset, ResetControlRegisters.FirstPort, ResetControlRegisters.PortCount);
        _ports.Attach(portA, SystemControlPortA.Port, 1);
        _ports.Attach(post, PostCode.Port, 1);
        _ports.Attach(new DebugExit(_ => { }), DebugExit.Port, DebugExit.PortCount);
        _ports.Attach(new DebugConsole(new Nowhere()), DebugConsole.Port, 1);
        _ranges =
        [
            (0x20, 2), (0xA0, 2), (0x4D0, 2), (0x40, 4), (0x60, 5), (0x70, 2), (0x3F8, 8), (0x600, 12), (0xCF8, 4),
            (0x92, 1), (0x80, 1), (0xF4, 4), (0x402, 1),
        ];
    }

    void IInterruptMessageSink.Send(ulong address, uint data)
    {
        Assert.Equal(0xFEE0_0000u, address & 0xFFFF_FFFF_FFF0_0000);
        // A guest that ends each level-triggered interrupt at once.
        if ((data & 0x8000) != 0 && _pendingEois.Count < 64) _pendingEois.Enqueue((byte)data);
    }

    [Fact]
    public void GarbageIsSurvived()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        byte[] data = new byte[8];
        try
        {
            for (int i = 0; i < 300_000; i++)
            {
                random.NextBytes(data);
                switch (random.Next(20))
                {
                    case 0:
                        _clock.Advance(random.NextInt64(1L << random.Next(30)));
                        break;
                    case 1:
                        _uart.Receive(data.AsSpan(0, random.Next(9)));
                        break;
                    case 2:
                        _pics.Acknowledge();
                        while (_pendingEois.TryDequeue(out byte vector) && random.Next(4) != 0) _ioapic.EndOfInterrupt(vector);
                        break;
                    case 3 or 4 or 5:
                        ulong offset = random.Next(4) == 0 ? (ulong)random.Next(0x1010) : (ulong)random.Next(8) * 0x10;
                        _memory.Access(0xFEC0_0000 + offset - (ulong)random.Next(2), random.Next(1, 9), random.Next(2) == 0, data);
                        break;
                    case 6 when random.Next(100) == 0:
                        _power.PressPowerButton();
                        foreach (IInspectable device in _devices) Assert.NotEmpty(device.Inspect().ToList());
                        break;
                    default:
                        (int first, int count) = _ranges[random.Next(_ranges.Length)];
                        int port = first - 1 + random.Next(count + 1);
                        _ports.Access((ushort)port, 1 << random.Next(3), random.Next(3) != 0, data);
                        break;
                }
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    [Fact]
    public void AnAccessAllocatesNothing()
    {
        byte[] data = new byte[8];
        long Allocated()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach ((int first, int count) in _ranges)
            {
                for (int port = first; port < first + count; port++)
                {
                    for (int size = 1; size <= 4; size *= 2)
                    {
                        _ports.Access((ushort)port, size, isWrite: false, data);
                        _ports.Access((ushort)port, size, isWrite: true, data);
                    }
                }
            }
            for (ulong offset = 0; offset < 0x50; offset += 4)
            {
                _memory.Access(0xFEC0_0000 + offset, 4, isWrite: false, data);
                _memory.Access(0xFEC0_0000 + offset, 4, isWrite: true, data);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Allocated();
        Assert.Equal(0, Allocated());
    }

    private sealed class Nowhere : IByteSink
    {
        public bool IsFull => false;

        public Action? RoomAgain { get; set; }

        public void Write(ReadOnlySpan<byte> bytes)
        {
        }
    }
}
