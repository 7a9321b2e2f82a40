using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Kvm;

/// <summary>
/// Real-mode guests whose handlers write the vector to port 0x80. DS reaches 4 GiB, so that they can program the local APIC.
/// </summary>
public sealed class KvmInterruptTests
{
    private const uint HandlerAddress = 0x2000;
    private const uint ApicEoi = 0xFEE000B0;
    private const uint ApicSpurious = 0xFEE000F0;
    private const byte Vector = 0x41;

    [Fact]
    public void LineReachesTheGuestThroughThePic()
    {
        using var guest = new KvmGuest();
        Assert.True(guest.Accelerator.HasInterruptControllers);
        Load(guest, 0x24, a =>
        {
            // ICW1 to ICW4: edge, vectors from 0x20, slave at 2, 8086 mode; then only line 4 unmasked.
            foreach ((sbyte port, byte value) in new (sbyte, byte)[] { (0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x21, 0xEF) })
            {
                a.mov(al, value);
                a.@out(port, al);
            }
        });
        Assert.Equal(1, Next(guest).Data[0]);
        guest.Accelerator.SetInterruptLine(4, true);
        Assert.Equal(0x24, Next(guest).Data[0]);
        guest.Accelerator.SetInterruptLine(4, false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MessageReachesTheGuestThroughTheApic(bool split)
    {
        using var guest = new KvmGuest(new KvmOptions { SplitIrqchip = split });
        Assert.Equal(!split, guest.Accelerator.HasInterruptControllers);
        Load(guest, Vector, EnableApic);
        Assert.Equal(1, Next(guest).Data[0]);
        guest.Accelerator.SendInterruptMessage(0xFEE00000, Vector);
        Assert.Equal(Vector, Next(guest).Data[0]);

        // To a local APIC that does not exist: lost, and no error.
        guest.Accelerator.SendInterruptMessage(0xFEE0F000, Vector);
    }

    [Fact]
    public void EndOfLevelTriggeredMessageIsReported()
    {
        using var guest = new KvmGuest(new KvmOptions { SplitIrqchip = true });
        Load(guest, Vector, EnableApic);
        Assert.Equal(1, Next(guest).Data[0]);
        guest.Accelerator.SendInterruptMessage(0xFEE00000, 0xC000 | Vector);

        // A KVM that emulates several instructions at a stretch reports the EOI after the OUT that follows it.
        var exits = new List<(VmExitReason, byte)>();
        for (int i = 0; i < 2; i++)
        {
            ref VmExit exit = ref guest.Vcpu.Run();
            exits.Add((exit.Reason, exit.Reason == VmExitReason.IoapicEoi ? exit.Vector : exit.Data[0]));
        }

        Assert.Contains((VmExitReason.IoapicEoi, Vector), exits);
        Assert.Contains((VmExitReason.PortIo, Vector), exits);
    }

    [Fact]
    public void ExternalInterruptWaitsForTheWindow()
    {
        using var guest = new KvmGuest(new KvmOptions { SplitIrqchip = true });
        var pic = new OneShotPic(guest.Vcpu, Vector);
        guest.Accelerator.ConnectExternalInterrupts(pic);
        Load(guest, Vector, a =>
        {
            a.mov(al, 7);
            a.@out(0x80, al);
        });

        // Raised while the guest has interrupts disabled: the next exit is still the guest's own.
        Assert.Equal(7, Next(guest).Data[0]);
        guest.Vcpu.NotifyExternalInterrupt(true);
        Assert.Equal(1, Next(guest).Data[0]);
        Assert.Equal(Vector, Next(guest).Data[0]);
        Assert.Equal(1, pic.Acknowledged);
    }

    [Fact]
    public void ExternalInterruptEndsAHalt()
    {
        using var guest = new KvmGuest(new KvmOptions { SplitIrqchip = true });
        var pic = new OneShotPic(guest.Vcpu, Vector);
        guest.Accelerator.ConnectExternalInterrupts(pic);
        Load(guest, Vector, _ => { });
        byte seen = 0;
        using var ready = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            _ = Next(guest);
            ready.Set();
            seen = Next(guest).Data[0];
        })
        { IsBackground = true };
        thread.Start();
        Assert.True(ready.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        guest.Vcpu.NotifyExternalInterrupt(true);
        Assert.True(thread.Join(TimeSpan.FromSeconds(20)), "the halt did not end");
        Assert.Equal((Vector, 1), (seen, pic.Acknowledged));
    }

    [Fact]
    public void NmiReachesAHaltedGuest()
    {
        using var guest = new KvmGuest();
        Load(guest, 2, _ => { });
        Assert.Equal(1, Next(guest).Data[0]);
        guest.Vcpu.RaiseNmi();
        Assert.Equal(2, Next(guest).Data[0]);
    }

    // Runs until the next write to port 0x80.
    private static ref VmExit Next(KvmGuest guest)
    {
        ref VmExit exit = ref guest.Vcpu.Run();
        while (exit.Reason == VmExitReason.Interrupted) exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, 0x80), (exit.Reason, exit.Port));
        return ref exit;
    }

    private static void EnableApic(Assembler a)
    {
        a.mov(ebx, ApicSpurious);
        a.mov(__dword_ptr[ebx], 0x1FF);
    }

    // prepare; write 1 to port 0x80; wait for interrupts. The handler ends the interrupt at the APIC and writes its vector.
    private static void Load(KvmGuest guest, byte vector, Action<Assembler> prepare)
    {
        guest.Place(16, a =>
        {
            a.mov(ebx, ApicEoi);
            a.mov(__dword_ptr[ebx], 0);
            a.mov(al, vector);
            a.@out(0x80, al);
            a.iret();
        }, HandlerAddress);
        Assert.True(guest.Memory.TryWrite(new Gpa(vector * 4u), BitConverter.GetBytes(HandlerAddress)));
        guest.LoadReal(
            a =>
            {
                Label wait = a.CreateLabel();
                prepare(a);
                a.mov(al, 1);
                a.@out(0x80, al);
                a.sti();
                a.Label(ref wait);
                a.hlt();
                a.jmp(wait);
            },
            state => state.Segments[Seg.Ds] = new SegmentRegister(0, 0, 0xFFFFFFFF, 0x8093));
    }

    /// <summary>An 8259 with one request: its output falls when it is acknowledged.</summary>
    private sealed class OneShotPic(IVirtualCpu vcpu, byte vector) : IExternalInterruptSource
    {
        public int Acknowledged { get; private set; }

        public byte Acknowledge()
        {
            Acknowledged++;
            vcpu.NotifyExternalInterrupt(false);
            return vector;
        }
    }
}
