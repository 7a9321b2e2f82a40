using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Xunit;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>The registers of the controllers as clients read and write them, held against the host's KVM.</summary>
public sealed unsafe class InterruptStateTests
{
    private const int Cascade = 2;

    private static readonly ulong s_seed = RunSetting.Read("VITRINE_SEED", 1);

    public static TheoryData<bool> Both => TestedVm.Both;

    [Theory]
    [MemberData(nameof(Both))]
    public void AfterCreation(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(new kvm_pic_state { elcr_mask = 0xF8 }, vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER));
        Assert.Equal(new kvm_pic_state { elcr_mask = 0xDE }, vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_SLAVE));
        kvm_ioapic_state ioapic = vm.Chip<kvm_ioapic_state>(KVM_IRQCHIP_IOAPIC);
        Assert.Equal((0xFEC0_0000UL, 0u, 0u, 0u), (ioapic.base_address, ioapic.ioregsel, ioapic.id, ioapic.irr));
        for (int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) Assert.Equal(0x1_0000UL, ioapic.redirtbl[pin]);

        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT2, new kvm_pit_config { flags = KVM_PIT_SPEAKER_DUMMY }));
        kvm_pit_state2 pit;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT2, &pit));
        kvm_pit_channel_state expected = new() { count = 0x1_0000, mode = 0xFF };
        Assert.Equal(expected with { gate = 1 }, pit.channels.channel0 with { count_load_time = 0 });
        Assert.Equal(expected with { gate = 1 }, pit.channels.channel1 with { count_load_time = 0 });
        Assert.Equal(expected, pit.channels.channel2 with { count_load_time = 0 });
        Assert.Equal(0u, pit.flags);
    }

    /// <summary>
    /// A pulse is latched by the 8259 whichever level its line has; the cascade's line stays down, and its request is up.
    /// </summary>
    [Theory]
    [MemberData(nameof(Both))]
    public void PulsesAreSeen(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        vm.Line(4, true);
        vm.Line(12, true);
        vm.Line(12, false);
        kvm_pic_state master = vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER);
        Assert.Equal((0x10, 0x14), (master.last_irr, master.irr));
        kvm_pic_state slave = vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_SLAVE);
        Assert.Equal((0x00, 0x10), (slave.last_irr, slave.irr));
        Assert.Equal(1u << 4, vm.Chip<kvm_ioapic_state>(KVM_IRQCHIP_IOAPIC).irr);
    }

    /// <summary>The controllers are what a client makes them, random registers too, and go on from there as the host's do.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomCallsAsOnTheHost(int run)
    {
        using TestedVm ours = TestedVm.Create(host: false);
        using TestedVm host = TestedVm.Create(host: true);
        TestedVm[] both = [ours, host];
        foreach (TestedVm vm in both)
        {
            Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
            Assert.Equal(0, vm.CreateVcpu());
        }

        Random random = new((int)(s_seed * 1000) + run);
        for (int step = 0; step < 4000; step++)
        {
            string what = $"seed {s_seed}, run {run}, step {step}: ";
            switch (random.Next(8))
            {
                case 0:
                    kvm_pic_state pic = RandomPic(random, garbage: run > 0);
                    uint chip = (uint)random.Next(2);
                    Agree(what + "set 8259", vm => vm.SetChip(chip, pic));
                    break;
                case 1:
                    kvm_ioapic_state ioapic = RandomIoapic(random, garbage: run > 1);
                    Agree(what + "set IOAPIC", vm => vm.SetChip(KVM_IRQCHIP_IOAPIC, ioapic));
                    break;
                case 2 when random.Next(10) == 0:
                    kvm_irq_routing_entry[] routes = RandomRoutes(random);
                    Agree(what + "routes", vm => vm.Route(routes));
                    break;
                default:
                    // KVM lets a client drive the cascade's input too, which belongs to the slave.
                    uint line = (uint)random.Next(26);
                    if (line == Cascade) continue;
                    bool level = random.Next(2) == 0;
                    Agree($"{what}line {line} {level}", vm => vm.Line(line, level));
                    break;
            }

            Agree(what + "master", static vm => Hex(vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER)));
            Agree(what + "slave", static vm => Hex(vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_SLAVE)));
            Agree(what + "IOAPIC", static vm => Hex(vm.Chip<kvm_ioapic_state>(KVM_IRQCHIP_IOAPIC)));
        }

        void Agree<T>(string what, Func<TestedVm, T> call)
        {
            T expected = call(host);
            T actual = call(ours);
            Assert.True(Equals(expected, actual), $"{what}: the host says {expected}, we {actual}");
        }
    }

    /// <summary>All of the timer's state is what was set. (KVM itself counts anew from the time of the set.)</summary>
    [Fact]
    public void TheTimerIsWhatWasSet()
    {
        using ServedVm vm = new();
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
        Random random = new((int)s_seed);
        for (int i = 0; i < 2000; i++)
        {
            kvm_pit_state2 set = default;
            random.NextBytes(new Span<byte>(&set, sizeof(kvm_pit_channels)));
            set.flags = (uint)random.Next(4);
            if (set.channels.channel0.count == 0) set.channels.channel0.count = 1;
            if (i % 2 == 0)
            {
                // As they are in life: without what no counter has.
                set.channels.channel0 = Plausible(set.channels.channel0, random);
                set.channels.channel1 = Plausible(set.channels.channel1, random);
                set.channels.channel2 = Plausible(set.channels.channel2, random);
            }

            Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT2, &set));
            kvm_pit_state2 got;
            Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT2, &got));
            Assert.Equal(Hex(set), Hex(got));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void ATimersCountOfZeroIsTheLargest(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT2, default(kvm_pit_config)));
        kvm_pit_channels set = default;
        set.channel1 = new kvm_pit_channel_state { mode = 2, rw_mode = 3, read_state = 3, write_state = 3, gate = 1 };
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT, &set));
        kvm_pit_channels got;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT, &got));
        Assert.Equal(set.channel1 with { count = 0x1_0000 }, got.channel1 with { count_load_time = 0 });
    }

    [Fact]
    public void TheTimersRegistersAreWhatTheGuestHasWritten()
    {
        using ServedVm vm = new();
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
        long before = System.Diagnostics.Stopwatch.GetTimestamp();
        vm.Out(0x43, 0xB6);
        vm.Out(0x42, 0x34);
        kvm_pit_state2 pit;
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT2, &pit));
        kvm_pit_channel_state written = pit.channels.channel2;
        Assert.Equal((3, 3, 4, 0x34), (written.rw_mode, written.mode, written.write_state, written.write_latch));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SET_PIT2, &pit));
        vm.Out(0x61, 0x03);
        vm.Out(0x42, 0x12);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_GET_PIT2, &pit));
        Assert.Equal((1, 3, KVM_PIT_FLAGS_SPEAKER_DATA_ON), (pit.channels.channel2.gate, pit.channels.channel2.write_state, pit.flags));
        Assert.Equal(0x03, vm.In(0x61) & 0x03);

        // It is on the client's clock.
        Assert.InRange(pit.channels.channel2.count_load_time, before, System.Diagnostics.Stopwatch.GetTimestamp() + 2000);
    }

    private static kvm_pit_channel_state Plausible(kvm_pit_channel_state state, Random random)
    {
        state.count = state.count % 0x1_0000 + 1;
        state.mode = (byte)random.Next(6);
        state.rw_mode = (byte)random.Next(1, 4);
        state.read_state = state.write_state = state.rw_mode;
        state.bcd &= 1;
        state.gate &= 1;
        state.count_latched = 0;
        state.status_latched = 0;
        state.count_load_time = System.Diagnostics.Stopwatch.GetTimestamp() - random.Next(1_000_000_000);
        return state;
    }

    private static string Hex<T>(T value)
        where T : unmanaged => Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    private static kvm_pic_state RandomPic(Random random, bool garbage)
    {
        kvm_pic_state state = default;
        random.NextBytes(MemoryMarshal.AsBytes(new Span<kvm_pic_state>(ref state)));
        state.last_irr &= 0xFF ^ (1 << Cascade);
        state.elcr &= 0xFF ^ (1 << Cascade);
        state.special_mask = 0;
        if (garbage) return state;
        return state with
        {
            priority_add = (byte)(state.priority_add & 7),
            irq_base = (byte)(state.irq_base & 0xF8),
            read_reg_select = (byte)(state.read_reg_select & 1),
            poll = (byte)(state.poll & 1),
            init_state = (byte)(state.init_state & 3),
            auto_eoi = (byte)(state.auto_eoi & 1),
            rotate_on_auto_eoi = (byte)(state.rotate_on_auto_eoi & 1),
            special_fully_nested_mode = (byte)(state.special_fully_nested_mode & 1),
            init4 = (byte)(state.init4 & 1),
            elcr = (byte)(state.elcr & 0xDE & 0xF8),
        };
    }

    private static kvm_ioapic_state RandomIoapic(Random random, bool garbage)
    {
        kvm_ioapic_state state = default;
        random.NextBytes(MemoryMarshal.AsBytes(new Span<kvm_ioapic_state>(ref state)));

        // The vCPU's local APIC is disabled by software: it takes no vectors. What other messages do to a vCPU is not a controller's
        // matter.
        for (int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) state.redirtbl[pin] &= ~0x700UL;
        if (garbage) return state;
        state.base_address = 0xFEC0_0000;
        (state.ioregsel, state.id, state.irr, state.pad) = (state.ioregsel & 0xFF, state.id & 0x0F, state.irr & 0xFF_FFFF, 0);
        for (int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) state.redirtbl[pin] &= 0xFF00_0000_0001_AFFF;
        return state;
    }

    private static kvm_irq_routing_entry[] RandomRoutes(Random random)
    {
        List<kvm_irq_routing_entry> routes = [];
        for (uint gsi = 0; gsi < 26; gsi++)
        {
            for (uint chip = 0; chip < 3; chip++)
            {
                if (random.Next(3) == 0) continue;
                uint pin = (uint)random.Next(chip == KVM_IRQCHIP_IOAPIC ? 24 : 8);
                if (chip == KVM_IRQCHIP_PIC_MASTER && pin == Cascade) continue;
                kvm_irq_routing_entry entry = new() { gsi = gsi, type = KVM_IRQ_ROUTING_IRQCHIP };
                entry.u.irqchip = new kvm_irq_routing_irqchip { irqchip = chip, pin = pin };
                routes.Add(entry);
            }
        }

        return [.. routes];
    }
}
