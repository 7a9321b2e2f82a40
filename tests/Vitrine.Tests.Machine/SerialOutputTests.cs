using System.Text;
using Iced.Intel;
using Vitrine.Boot;
using Vitrine.Devices.Io;
using Vitrine.Guests;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Machine;

/// <summary>The guest's output is read away from the vCPU: a slow reader holds up nothing but, in the end, what writes to it, and loses nothing.</summary>
public sealed class SerialOutputTests : IDisposable
{
    private const uint TicksAddress = 0x3_0000, SentAddress = 0x3_0004;
    private const ushort SerialData = 0x3F8, SerialLineStatus = 0x3FD;
    private const byte TransmitterEmpty = 0x20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ManualResetEventSlim _reads = new(initialState: true);
    private readonly List<byte> _read = [];
    private VirtualMachine? _machine;

    private uint Ticks => Word(TicksAddress);

    private uint Sent => Word(SentAddress);

    public void Dispose()
    {
        _reads.Set();
        _machine?.Dispose();
        _reads.Dispose();
    }

    [Fact]
    public void AReaderThatStandsStillDoesNotStopTheGuestsTimer()
    {
        _reads.Reset();
        VirtualMachine machine = Start(Writer(heedsTransmitter: true));
        Assert.True(SpinWait.SpinUntil(() => Sent >= BufferedOutput.Capacity, Patience));

        // The output is full now, and the guest waits for the transmitter as drivers do.
        Thread.Sleep(50);
        (uint sent, uint ticks) = (Sent, Ticks);
        Assert.True(SpinWait.SpinUntil(() => Ticks > ticks + 20, Patience), $"{Ticks} ticks");
        Assert.Equal(sent, Sent);
        Assert.InRange(sent, (uint)BufferedOutput.Capacity, (2u * BufferedOutput.Capacity) + 1);
        _reads.Set();
        Assert.True(SpinWait.SpinUntil(() => Sent > sent + (3 * BufferedOutput.Capacity), Patience));
        EndsWithEverythingRead(machine);
    }

    [Fact]
    public void AGuestThatDoesNotLookWaitsWhenMuchIsUnreadAndLosesNothing()
    {
        _reads.Reset();
        VirtualMachine machine = Start(Writer(heedsTransmitter: false));
        Assert.True(SpinWait.SpinUntil(() => Sent >= BufferedOutput.Capacity, Patience));
        Thread.Sleep(50);
        uint sent = Sent;
        Thread.Sleep(50);
        Assert.Equal(sent, Sent);
        Assert.InRange(sent, (uint)BufferedOutput.Capacity, 2u * (BufferedOutput.Capacity + BufferedOutput.Reserve));

        // The end isn't told before all is read.
        machine.Stop();
        Assert.Null(machine.Wait(TimeSpan.FromMilliseconds(50)));
        _reads.Set();
        EndsWithEverythingRead(machine);
    }

    [Fact]
    public void AMachineThatStandsHasDeliveredEverything()
    {
        VirtualMachine machine = Start(Writer(heedsTransmitter: false));
        for (int i = 0; i < 5; i++)
        {
            uint sent = Sent;
            Assert.True(SpinWait.SpinUntil(() => Sent > sent + 1000, Patience));
            machine.Pause();
            for (int j = 0; j < _read.Count; j++) Assert.Equal((byte)j, _read[j]);
            Assert.InRange((uint)_read.Count, Sent, Sent + 1);
            machine.Resume();
        }
    }

    [Fact]
    public void WhatWasSentBeforeAResetIsReadBeforeWhatComesAfterIt()
    {
        // cmp byte [9000h], 0; jne second; inc byte [9000h]; 'a' to 3F8h; 3 to 92h; hlt; second: 'b' to 3F8h; out F4h, al; hlt
        byte[] code =
        [
            0x80, 0x3E, 0x00, 0x90, 0x00, 0x75, 0x0F, 0xFE, 0x06, 0x00, 0x90, 0xBA, 0xF8, 0x03, 0xB0, 0x61, 0xEE, 0xB0, 0x03, 0xE6, 0x92, 0xF4,
            0xBA, 0xF8, 0x03, 0xB0, 0x62, 0xEE, 0xE6, 0xF4, 0xF4,
        ];
        VirtualMachine machine = Start(new BootSource.FlatBytes(code, new Gpa(0x8000), 0x8000, FlatMode.Real));
        Assert.Equal(VmEndReason.DebugExit, machine.Wait(Patience)?.Reason);
        Assert.Equal("ab", Encoding.ASCII.GetString([.. _read]));
    }

    [Fact]
    public void WhatAReaderThrowsEndsTheMachine()
    {
        using VirtualMachine machine = VirtualMachine.Create(Config(Writer(heedsTransmitter: true)) with
        {
            SerialOutput = _ => throw new InvalidDataException("no ink"),
        });
        machine.Start();
        VmEnd? end = machine.Wait(Patience);
        Assert.Equal(VmEndReason.InternalError, end?.Reason);
        Assert.Contains("no ink", end!.Report, StringComparison.Ordinal);
    }

    [Fact]
    public void AReaderMayStopTheMachine()
    {
        VirtualMachine? machine = null;
        machine = VirtualMachine.Create(Config(Writer(heedsTransmitter: true)) with { SerialOutput = _ => machine!.Stop() });
        _machine = machine;
        machine.Start();
        Assert.Equal(VmEndReason.Stopped, machine.Wait(Patience)?.Reason);
    }

    [Fact]
    public void TheDebugConsoleIsReadInTheSameWay()
    {
        // mov al, 'x'; mov dx, 402h; mov cx, 1000; out dx, al; loop; out F4h, al; hlt
        byte[] code = [0xB0, 0x78, 0xBA, 0x02, 0x04, 0xB9, 0xE8, 0x03, 0xEE, 0xE2, 0xFD, 0xE6, 0xF4, 0xF4];
        int debug = 0;
        using VirtualMachine machine = VirtualMachine.Create(Config(new BootSource.FlatBytes(code, new Gpa(0x8000), 0x8000, FlatMode.Real)) with
        {
            DebugOutput = bytes =>
            {
                Thread.Sleep(1);
                debug += bytes.Length;
            },
        });
        machine.Start();
        Assert.Equal(VmEndReason.DebugExit, machine.Wait(Patience)?.Reason);
        Assert.Equal(1000, debug);
    }

    // Counts ticks of IRQ 0, and sends the low bytes of a count for ever.
    private static BootSource Writer(bool heedsTransmitter)
    {
        GuestAssembler guest = new(FlatMode.Long);
        Assembler code = guest.Code;
        Mark handler = guest.NewLabel();
        code.cli();
        guest.SetGate(GuestAssembler.Irq0Vector, handler);
        guest.LoadInterruptTable();
        guest.RemapInterruptControllers(mask1: 0xFE);
        guest.Out(0x43, 0x34);
        guest.Out(0x40, 0xA9);
        guest.Out(0x40, 0x04);
        code.sti();
        Mark send = guest.NewLabel();
        guest.Place(send);
        if (heedsTransmitter)
        {
            code.mov(dx, SerialLineStatus);
            code.@in(al, dx);
            code.test(al, TransmitterEmpty);
            code.jz(send);
        }

        code.mov(dx, SerialData);
        code.mov(eax, __dword_ptr[SentAddress]);
        code.@out(dx, al);
        code.inc(__dword_ptr[SentAddress]);
        code.jmp(send);
        guest.Place(handler);
        guest.PushAccumulator();
        code.inc(__dword_ptr[TicksAddress]);
        guest.EndOfInterrupt();
        guest.PopAccumulator();
        guest.InterruptReturn();
        return new GuestProgram("writer", FlatMode.Long, guest.Assemble(), GuestEnd.DebugExit).ToBootSource();
    }

    private static MachineConfig Config(BootSource boot) => new() { Boot = boot, MemoryBytes = 16 << 20, Accelerator = AcceleratorChoice.Soft };

    private VirtualMachine Start(BootSource boot)
    {
        _machine = VirtualMachine.Create(Config(boot) with { SerialOutput = Read });
        _machine.Start();
        return _machine;
    }

    private void Read(ReadOnlySpan<byte> bytes)
    {
        _reads.Wait();
        _read.AddRange(bytes);
    }

    private void EndsWithEverythingRead(VirtualMachine machine)
    {
        machine.Stop();
        Assert.Equal(VmEndReason.Stopped, machine.Wait(Patience)?.Reason);
        Assert.InRange((uint)_read.Count, Sent, Sent + 1);
        for (int i = 0; i < _read.Count; i++) Assert.Equal((byte)i, _read[i]);
    }

    private uint Word(uint address)
    {
        byte[] bytes = new byte[4];
        Assert.True(_machine!.Memory.TryRead(new Gpa(address), bytes));
        return BitConverter.ToUInt32(bytes);
    }
}
