using System.Diagnostics;
using System.Globalization;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Xunit;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>Irqfds and ioeventfds on eventfds of a client, and what a guest's accesses and interrupts make of them.</summary>
public sealed class EventTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private static ServedVm WithControllers()
    {
        ServedVm vm = new();
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        return vm;
    }

    private static void WaitFor(Func<bool> condition)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < s_limit, "it doesn't come");
            Thread.Sleep(1);
        }
    }

    private static byte Requests(ServedVm vm, uint chip = KVM_IRQCHIP_PIC_MASTER) => vm.Chip<kvm_pic_state>(chip).irr;

    // ICW1 to ICW4 of both, vectors from 0x20, nothing masked.
    private static void InitializePics(ServedVm vm)
    {
        foreach ((ushort port, byte vector, byte cascade) in ((ushort, byte, byte)[])[(0x20, 0x20, 4), (0xA0, 0x28, 2)])
        {
            vm.Out(port, 0x11);
            vm.Out((ushort)(port + 1), vector);
            vm.Out((ushort)(port + 1), cascade);
            vm.Out((ushort)(port + 1), 1);
        }
    }

    [Fact]
    public void AnIrqfdIsAnEdgeAndTakesWhatWasThereBefore()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent before = new(), after = new();
        before.Add();
        Assert.Equal(0, vm.Irqfd(before.Number, 5));
        Assert.Equal(0, vm.Irqfd(after.Number, 12));
        WaitFor(() => (Requests(vm) & 0x20) != 0);
        Assert.Equal(0, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        after.Add(7);
        WaitFor(() => Requests(vm, KVM_IRQCHIP_PIC_SLAVE) == 0x10);
        Assert.Equal(0, vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER).last_irr);
        Assert.Equal(0UL, before.Take());
        Assert.Equal(0UL, after.Take());
    }

    [Fact]
    public void AnIrqfdThatWasTakenAwayIsNone()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent one = new(), other = new();
        Assert.Equal(0, vm.Irqfd(one.Number, 5));
        Assert.Equal(0, vm.Irqfd(other.Number, 6));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_DEASSIGN));
        one.Add();
        other.Add();
        WaitFor(() => (Requests(vm) & 0x40) != 0);
        Assert.Equal(0x40, Requests(vm));
        Assert.Equal(1UL, one.Take());
        Assert.Equal(0, vm.Irqfd(one.Number, 6));
    }

    [Fact]
    public void AClientThatClosesItsDescriptorKeepsItsIrqfd()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent one = new();
        int duplicate = Libc.Duplicate(one.Number);
        Assert.Equal(0, vm.Irqfd(duplicate, 5));
        _ = Libc.Close(duplicate);
        one.Add();
        WaitFor(() => Requests(vm) == 0x20);

        // It is the same eventfd by any number.
        Assert.Equal(-Errno.EBUSY, vm.Irqfd(one.Number, 5));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0, vm.Irqfd(one.Number, 5));
    }

    /// <summary>The line stays up from the signal to the interrupt's end at the 8259; two share it.</summary>
    [Fact]
    public void AResampledLineFallsAtTheEndOfTheInterrupt()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent first = new(), second = new(), firstEnd = new(), secondEnd = new();
        InitializePics(vm);
        vm.Out(0x4D1, 0x08);
        Assert.Equal(0, vm.Irqfd(first.Number, 11, KVM_IRQFD_FLAG_RESAMPLE, firstEnd.Number));
        Assert.Equal(0, vm.Irqfd(second.Number, 11, KVM_IRQFD_FLAG_RESAMPLE, secondEnd.Number));
        first.Add();
        WaitFor(() => Requests(vm, KVM_IRQCHIP_PIC_SLAVE) == 0x08);
        Assert.Equal(0UL, first.Take());
        Assert.Equal(0UL, firstEnd.Take());

        // Poll command and read: the acknowledgement. The line of a level stays a request.
        vm.Out(0xA0, 0x0C);
        Assert.Equal(0x83, vm.In(0xA0));
        Assert.Equal(0x08, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        vm.Out(0xA0, 0x20);
        Assert.Equal(0x00, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        Assert.Equal((1UL, 1UL), (firstEnd.Take(), secondEnd.Take()));

        // The client's own level stays, and the line with it.
        Assert.Equal(1, vm.Line(11, true) & 1);
        second.Add();
        WaitFor(() => second.Take() == 0);
        vm.Out(0xA0, 0x0C);
        Assert.Equal(0x83, vm.In(0xA0));
        vm.Out(0xA0, 0x63);
        Assert.Equal((1UL, 1UL), (firstEnd.Take(), secondEnd.Take()));
        Assert.Equal(0x08, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        vm.Line(11, false);
        Assert.Equal(0x00, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
    }

    [Fact]
    public void AResampledLineFallsWithItsLastIrqfd()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent one = new(), other = new(), end = new();
        vm.Out(0x4D1, 0x08);
        Assert.Equal(0, vm.Irqfd(one.Number, 11, KVM_IRQFD_FLAG_RESAMPLE, end.Number));
        Assert.Equal(0, vm.Irqfd(other.Number, 11, KVM_IRQFD_FLAG_RESAMPLE, end.Number));
        one.Add();
        WaitFor(() => Requests(vm, KVM_IRQCHIP_PIC_SLAVE) == 0x08);
        Assert.Equal(0, vm.Irqfd(one.Number, 11, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0x08, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        Assert.Equal(0, vm.Irqfd(other.Number, 11, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0x00, Requests(vm, KVM_IRQCHIP_PIC_SLAVE));
        Assert.Equal(0UL, end.Take());
    }

    [Fact]
    public void AWriteSignalsTheEventThatWaitsForIt()
    {
        const uint Pio = KVM_IOEVENTFD_FLAG_PIO, Match = KVM_IOEVENTFD_FLAG_DATAMATCH;
        using ServedVm vm = new();
        using ClientEvent anyLength = new(), word = new(), one = new(), two = new(), memory = new();
        Assert.Equal(0, vm.IoEvent(0x100, 0, anyLength.Number, Pio));
        Assert.Equal(0, vm.IoEvent(0x200, 2, one.Number, Pio | Match, 1));
        Assert.Equal(0, vm.IoEvent(0x200, 2, two.Number, Pio | Match, 2));
        Assert.Equal(0, vm.IoEvent(0x200, 4, word.Number, Pio));
        Assert.Equal(0, vm.IoEvent(0xFEB0_0010, 4, memory.Number));
        Assert.Equal([true, true, false], (bool[])[Out(0x100, 1), Out(0x100, 0, 0, 0, 0), Out(0x101, 0)]);
        Assert.Equal(
            [true, true, false, false, true],
            (bool[])[Out(0x200, 1, 0), Out(0x200, 2, 0), Out(0x200, 3, 0), Out(0x200, 1), Out(0x200, 9, 9, 9, 9)]);
        Assert.True(vm.Interrupts.TryHandleMemory(0xFEB0_0010, 4, isWrite: true, [1, 2, 3, 4]));
        Assert.False(vm.Interrupts.TryHandleMemory(0xFEB0_0010, 2, isWrite: true, [1, 2]));
        Assert.False(vm.Interrupts.TryHandleMemory(0xFEB0_0010, 4, isWrite: false, new byte[4]));
        Assert.False(vm.Interrupts.TryHandlePort(0x100, 1, 1, isWrite: false, new byte[1]));

        // REP OUTS: each of them.
        Assert.True(vm.Interrupts.TryHandlePort(0x200, 2, 3, isWrite: true, [2, 0, 1, 0, 2, 0]));
        Assert.Equal([2UL, 2, 3, 1, 1], ((ClientEvent[])[anyLength, one, two, word, memory]).Select(static e => e.Take()));

        bool Out(ushort port, params byte[] data) => vm.Interrupts.TryHandlePort(port, data.Length, 1, isWrite: true, data);
    }

    [Fact]
    public void AnEventLivesOnWithoutTheClientsDescriptorUntilItIsTakenAway()
    {
        using ServedVm vm = new();
        using ClientEvent one = new();
        int duplicate = Libc.Duplicate(one.Number);
        Assert.Equal(0, vm.IoEvent(0x100, 1, duplicate, KVM_IOEVENTFD_FLAG_PIO));
        _ = Libc.Close(duplicate);
        Assert.True(vm.Interrupts.TryHandlePort(0x100, 1, 1, isWrite: true, [0]));
        Assert.Equal(1UL, one.Take());
        Assert.Equal(0, vm.IoEvent(0x100, 1, one.Number, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN));
        Assert.False(vm.Interrupts.TryHandlePort(0x100, 1, 1, isWrite: true, [0]));
    }

    /// <summary>A client's eventfd that blocks and is full: the guest goes on, as in the kernel.</summary>
    [Fact]
    public void AFullEventHoldsNoVcpuUp()
    {
        using ServedVm vm = new();
        using ClientEvent full = new(blocks: true);
        full.Add(ulong.MaxValue - 1);
        Assert.Equal(0, vm.IoEvent(0x100, 1, full.Number, KVM_IOEVENTFD_FLAG_PIO));
        Assert.True(vm.Interrupts.TryHandlePort(0x100, 1, 1, isWrite: true, [0]));
        Assert.Equal(ulong.MaxValue - 1, full.Take());
    }

    [Fact]
    public void TheThreadEndsWithTheMachine()
    {
        using ClientEvent one = new();
        ServedVm vm = WithControllers();
        Assert.False(vm.Interrupts.WaitsForIrqfds);
        Assert.Equal(0, vm.Irqfd(one.Number, 5));
        Assert.True(vm.Interrupts.WaitsForIrqfds);
        vm.Dispose();
        Assert.False(vm.Interrupts.WaitsForIrqfds);
        one.Add();
        Assert.Equal(1UL, one.Take());
    }

    [Fact]
    public void ADescriptorThatWasClosedUnderUsIsForgotten()
    {
        using ServedVm vm = WithControllers();
        using ClientEvent one = new();
        int[] before = Descriptors();
        Assert.Equal(0, vm.Irqfd(one.Number, 5));

        // As close_range(2) of a client would.
        foreach (int ours in Descriptors().Except(before).Where(one.IsSameAs)) _ = Libc.Close(ours);
        one.Add();
        WaitFor(() => vm.Irqfd(one.Number, 5) == 0);
    }

    private static int[] Descriptors() =>
        [.. Directory.GetFileSystemEntries("/proc/self/fd").Select(static path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))];
}
