using Vitrine.Kvm.Abi;
using Vitrine.Tests.Timing;
using Vitrine.Timing;
using Xunit;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>Accesses of a guest that are answered inside, and those that are the client's.</summary>
public sealed unsafe class AccessTests
{
    private const ulong Ioapic = 0xFEC0_0000;

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x21)]
    [InlineData(0xA0)]
    [InlineData(0xA1)]
    [InlineData(0x4D0)]
    [InlineData(0x4D1)]
    public void PortsOfThe8259sAreInsideOnceThereAreSome(int port)
    {
        using ServedVm vm = new();
        Assert.False(vm.Interrupts.TryHandlePort((ushort)port, 1, 1, isWrite: false, new byte[1]));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        vm.Out((ushort)port, 0x58);
        _ = vm.In((ushort)port);

        // Wider ones are swallowed and read 0; those that leave the chip's two ports are the client's.
        byte[] word = [0xAA, 0xAA];
        Assert.Equal((port & 1) == 0, vm.Interrupts.TryHandlePort((ushort)port, 2, 1, isWrite: false, word));
        Assert.Equal((port & 1) == 0 ? (byte[])[0, 0] : [0xAA, 0xAA], word);
    }

    [Fact]
    public void PortsOfTheTimerAreInsideOnceThereIsOne()
    {
        using ServedVm vm = new();
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.False(vm.Interrupts.TryHandlePort(0x43, 1, 1, isWrite: true, [0x34]));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT2, default(kvm_pit_config)));
        vm.Out(0x43, 0x34);
        vm.Out(0x40, 0x00);
        vm.Out(0x40, 0x10);
        Assert.False(vm.Interrupts.TryHandlePort(0x44, 1, 1, isWrite: false, new byte[1]));
        Assert.False(vm.Interrupts.TryHandlePort(0x43, 2, 1, isWrite: false, new byte[2]));

        // Port 0x61 only where the client wanted that.
        Assert.False(vm.Interrupts.TryHandlePort(0x61, 1, 1, isWrite: false, new byte[1]));
        using ServedVm speaker = new();
        Assert.Equal(0, speaker.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, speaker.Call(KvmIoctl.KVM_CREATE_PIT2, new kvm_pit_config { flags = KVM_PIT_SPEAKER_DUMMY }));
        speaker.Out(0x61, 0x01);
        Assert.Equal(0x01, speaker.In(0x61) & 0x03);
    }

    [Fact]
    public void TheIoapicsWindowIsInside()
    {
        using ServedVm vm = new();
        Assert.False(vm.Interrupts.TryHandleMemory(Ioapic, 4, isWrite: true, [1, 0, 0, 0]));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.True(vm.Interrupts.TryHandleMemory(Ioapic, 4, isWrite: true, [1, 0, 0, 0]));
        byte[] data = new byte[8];
        Assert.True(vm.Interrupts.TryHandleMemory(Ioapic + 0x10, 8, isWrite: false, data));
        Assert.Equal([0x11, 0x00, 0x17, 0x00, 0, 0, 0, 0], data);
        Assert.True(vm.Interrupts.TryHandleMemory(Ioapic + 0xFF, 1, isWrite: false, data));
        Assert.False(vm.Interrupts.TryHandleMemory(Ioapic + 0x100, 1, isWrite: false, data));
        Assert.False(vm.Interrupts.TryHandleMemory(Ioapic + 0xFE, 4, isWrite: false, data));
        Assert.False(vm.Interrupts.TryHandleMemory(Ioapic - 1, 1, isWrite: false, data));

        // Where a client sets another base, nothing answers at either place.
        kvm_ioapic_state state = vm.Chip<kvm_ioapic_state>(KVM_IRQCHIP_IOAPIC);
        state.base_address = 0xFED0_0000;
        Assert.Equal(0, vm.SetChip(KVM_IRQCHIP_IOAPIC, state));
        Assert.False(vm.Interrupts.TryHandleMemory(Ioapic, 4, isWrite: false, data));
        Assert.False(vm.Interrupts.TryHandleMemory(0xFED0_0000, 4, isWrite: false, data));
    }

    /// <summary>Mode 2, 1.193 MHz / 1193: a tick each millisecond, until a HPET stands for the timer.</summary>
    [Fact]
    public void TheTimerTicksAtLineZero()
    {
        ManualClockSource time = new();
        MachineClock clock = new(time);
        clock.Start();
        using ServedVm vm = new(clock);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
        vm.Out(0x43, 0x34);
        vm.Out(0x40, 1193 & 0xFF);
        vm.Out(0x40, 1193 >> 8);
        Assert.Equal(0, Take());
        Advance(1_100_000);
        WaitForTick();

        kvm_pit_state2 pit;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT2, &pit));
        Assert.Equal((1193u, 2), (pit.channels.channel0.count, pit.channels.channel0.mode));
        pit.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT2, &pit));
        Take();
        Advance(5_000_000);
        Thread.Sleep(20);
        kvm_pit_state2 none = default;
        none.channels.channel0.mode = 0xFF;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT2, &none));
        Assert.Equal(0, Take());
        pit.flags = 0;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT2, &pit));
        Advance(1_100_000);
        WaitForTick();

        // It goes through the routes: here to input 3.
        kvm_irq_routing_entry route = new() { gsi = 0, type = KVM_IRQ_ROUTING_IRQCHIP };
        route.u.irqchip = new kvm_irq_routing_irqchip { irqchip = KVM_IRQCHIP_PIC_MASTER, pin = 3 };
        Assert.Equal(0, vm.Route(route));
        Advance(1_100_000);
        WaitForTick(0x08);

        void Advance(long nanoseconds) => time.Advance(nanoseconds);

        byte Take()
        {
            kvm_pic_state pic = vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER);
            Assert.Equal(0, vm.SetChip(KVM_IRQCHIP_PIC_MASTER, pic with { irr = 0 }));
            return pic.irr;
        }

        void WaitForTick(byte requests = 0x01)
        {
            System.Diagnostics.Stopwatch waited = System.Diagnostics.Stopwatch.StartNew();
            byte seen = 0;
            while ((seen & requests) == 0)
            {
                Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "no tick comes");
                seen |= Take();
                Thread.Sleep(1);
            }

            Assert.Equal(requests, seen);
        }
    }

    /// <summary>
    /// Five milliseconds with a tick in each, while the guest is busy with the first: it gets the four others afterwards, or one.
    /// </summary>
    [Theory]
    [InlineData(true, 5)]
    [InlineData(false, 2)]
    public void TicksThatTheGuestWasTooBusyForAreMadeUpFor(bool reinjects, int ticks)
    {
        ManualClockSource time = new();
        MachineClock clock = new(time);
        clock.Start();
        using ServedVm vm = new(clock);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_REINJECT_CONTROL, new kvm_reinject_control { pit_reinject = reinjects ? (byte)1 : (byte)0 }));
        (ushort, byte)[] initialization = [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x43, 0x34), (0x40, 0xA9), (0x40, 0x04)];
        foreach ((ushort port, byte value) in initialization) vm.Out(port, value);
        time.Advance(1_100_000);
        WaitFor(() => Requests() == 1);
        Acknowledge();
        time.Advance(4_000_000);
        if (!reinjects) WaitFor(() => Requests() == 1);

        // The timer's thread notes the four when it comes to it.
        int taken = 1;
        for (; taken < ticks; taken++)
        {
            WaitFor(() =>
            {
                vm.Out(0x20, 0x20);
                return Requests() == 1;
            });
            Acknowledge();
        }

        vm.Out(0x20, 0x20);
        Assert.Equal(0, Requests());

        int Requests() => vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER).irr & 1;

        void Acknowledge()
        {
            vm.Out(0x20, 0x0C);
            Assert.Equal(0x80, vm.In(0x20));
        }

        static void WaitFor(Func<bool> condition)
        {
            System.Diagnostics.Stopwatch waited = System.Diagnostics.Stopwatch.StartNew();
            while (!condition())
            {
                Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "no tick comes");
                Thread.Sleep(1);
            }
        }
    }

    [Fact]
    public void WritesToAZoneAreCollectedUntilTheRingIsFull()
    {
        using ServedVm vm = new();
        kvm_coalesced_mmio_ring* ring = (kvm_coalesced_mmio_ring*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(4096);
        kvm_coalesced_mmio* entries = (kvm_coalesced_mmio*)(ring + 1);
        Assert.Equal(0, vm.Zone(0xA_0000, 0x1000, 0));
        Assert.Equal(0, vm.Zone(0x70, 2, 1));

        // Without a vCPU there is no ring.
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        vm.Interrupts.AttachRing((byte*)ring);
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: false, new byte[1]));
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0FFF, 2, isWrite: true, [1, 2]));
        Assert.False(vm.Interrupts.TryHandlePort(0x72, 1, 1, isWrite: true, [1]));
        Assert.True(vm.Interrupts.TryHandleMemory(0xA_0FF8, 8, isWrite: true, [1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.True(vm.Interrupts.TryHandlePort(0x71, 1, 1, isWrite: true, [9]));
        Assert.Equal((0u, 2u), (ring->first, ring->last));
        Assert.Equal(
            (0xA_0FF8UL, 8u, 0u, 0x0807_0605_0403_0201UL),
            (entries[0].phys_addr, entries[0].len, entries[0].pio, *(ulong*)entries[0].data));
        Assert.Equal((0x71UL, 1u, 1u, (byte)9), (entries[1].phys_addr, entries[1].len, entries[1].pio, entries[1].data[0]));

        // 170 entries, of which one stays free; then the client must look.
        int collected = 2;
        while (vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1])) collected++;
        Assert.Equal((169, 169u), (collected, ring->last));
        ring->first = 100;
        Assert.True(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        Assert.Equal(0u, ring->last);

        // Counters are the client's to break.
        ring->last = 0xFFFF_FFFF;
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        ring->last = 170;
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        (ring->first, ring->last) = (0xFFFF_FFFF, 5);
        Assert.True(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        Assert.Equal(0, vm.Zone(0xA_0000, 1, 0, remove: true));
        Assert.False(vm.Interrupts.TryHandleMemory(0xA_0000, 1, isWrite: true, [1]));
        System.Runtime.InteropServices.NativeMemory.Free(ring);
    }

    [Fact]
    public void NoAccessAllocates()
    {
        using ServedVm vm = new();
        using ClientEvent told = new();
        byte[] ring = GC.AllocateArray<byte>(4096, pinned: true);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
        Assert.Equal(0, vm.IoEvent(0x100, 2, told.Number, KVM_IOEVENTFD_FLAG_PIO));
        Assert.Equal(0, vm.IoEvent(0xFEB0_0000, 0, told.Number));
        Assert.Equal(0, vm.Zone(0xA_0000, 0x1000, 0));
        fixed (byte* page = ring) vm.Interrupts.AttachRing(page);
        Span<byte> data = stackalloc byte[4];
        Access(data);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++) Access(data);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Access(Span<byte> data)
        {
            data.Clear();
            foreach (ushort port in (ReadOnlySpan<ushort>)[0x20, 0x21, 0x40, 0x43, 0x61, 0x4D0, 0x80])
            {
                vm.Interrupts.TryHandlePort(port, 1, 1, isWrite: true, data);
                vm.Interrupts.TryHandlePort(port, 1, 1, isWrite: false, data);
            }

            vm.Interrupts.TryHandlePort(0x100, 2, 2, isWrite: true, data);
            foreach (ulong address in (ReadOnlySpan<ulong>)[Ioapic, Ioapic + 0x10, 0xFEB0_0000, 0xA_0000, 0xFFFF_0000])
                vm.Interrupts.TryHandleMemory(address, 4, isWrite: true, data);
            vm.Interrupts.EndOfInterrupt(0x41);
            vm.Interrupts.SetLine(new kvm_irq_level { irq = 3, level = 1 }, out _);
            vm.Interrupts.SetLine(new kvm_irq_level { irq = 3 }, out _);
        }
    }

    [Fact]
    public void OnlyEndsThatAnIoapicOfTheClientsWaitsForAreTold()
    {
        static kvm_irq_routing_entry Message(uint gsi, uint data)
        {
            kvm_irq_routing_entry entry = new() { gsi = gsi, type = KVM_IRQ_ROUTING_MSI };
            entry.u.msi = new kvm_irq_routing_msi { address_lo = 0xFEE0_0000, data = data };
            return entry;
        }

        using ServedVm vm = new();
        Assert.Equal(0, vm.EnableSplit(24));
        Assert.Equal(0, vm.Route(Message(5, 0x8041), Message(6, 0x42), Message(24, 0x8043)));
        Assert.Equal([true, false, false], ((byte[])[0x41, 0x42, 0x43]).Select(vm.Interrupts.EndOfInterrupt));
        Assert.Equal(0, vm.Route());
        Assert.False(vm.Interrupts.EndOfInterrupt(0x41));
    }
}
