using Vitrine.Kvm.Abi;
using Xunit;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>What each ioctl answers, held against the host's KVM wherever there is one: the same calls with the same answers.</summary>
public sealed class InterruptAnswerTests
{
    public static TheoryData<bool> Both => TestedVm.Both;

    private static kvm_irq_routing_entry Pin(uint gsi, uint chip, uint pin, uint flags = 0)
    {
        kvm_irq_routing_entry entry = new() { gsi = gsi, type = KVM_IRQ_ROUTING_IRQCHIP, flags = flags };
        entry.u.irqchip = new kvm_irq_routing_irqchip { irqchip = chip, pin = pin };
        return entry;
    }

    private static kvm_irq_routing_entry Message(uint gsi, uint address = 0xFEE0_0000, uint data = 0x41, uint flags = 0, uint high = 0)
    {
        kvm_irq_routing_entry entry = new() { gsi = gsi, type = KVM_IRQ_ROUTING_MSI, flags = flags };
        entry.u.msi = new kvm_irq_routing_msi { address_lo = address, address_hi = high, data = data };
        return entry;
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void WithoutControllers(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        using ClientEvent one = new();
        Assert.Equal(-Errno.ENOENT, vm.Call(KvmIoctl.KVM_CREATE_PIT2, default(kvm_pit_config)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_GET_PIT2, default(kvm_pit_state2)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_SET_PIT2, default(kvm_pit_state2)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_GET_PIT, default(kvm_pit_channels)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_SET_PIT, default(kvm_pit_channels)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_REINJECT_CONTROL, default(kvm_reinject_control)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_GET_IRQCHIP, default(kvm_irqchip)));
        Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_SET_IRQCHIP, default(kvm_irqchip)));
        Assert.Equal(-Errno.ENXIO, vm.Line(3, true));
        Assert.Equal(-Errno.EINVAL, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, default(kvm_msi)));
        Assert.Equal(-Errno.EINVAL, vm.Route());
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(one.Number, 3));
        Assert.Equal(0, vm.Irqfd(one.Number, 3, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EBADF, vm.Irqfd(9999, 3, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0, vm.IoEvent(0, 1, one.Number));
        Assert.Equal(-Errno.EINVAL, vm.CallVcpu(KvmIoctl.KVM_SET_VAPIC_ADDR, default(kvm_vapic_addr)));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void ControllersAreMadeOnceAndBeforeVcpus(bool host)
    {
        using (TestedVm vm = TestedVm.Create(host))
        {
            Assert.Equal(-Errno.EINVAL, vm.EnableSplit(4097));
            Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
            Assert.Equal(-Errno.EEXIST, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
            Assert.Equal(-Errno.EEXIST, vm.EnableSplit(24));
            Assert.Equal(-Errno.EINVAL, vm.Call(KvmIoctl.KVM_GET_IRQCHIP, new kvm_irqchip { chip_id = 3 }));
            Assert.Equal(-Errno.EINVAL, vm.Call(KvmIoctl.KVM_SET_IRQCHIP, new kvm_irqchip { chip_id = 3 }));
            Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_PIT));
            Assert.Equal(-Errno.EEXIST, vm.Call(KvmIoctl.KVM_CREATE_PIT2, default(kvm_pit_config)));
            Assert.Equal(0, vm.Call(KvmIoctl.KVM_REINJECT_CONTROL, default(kvm_reinject_control)));
            Assert.Equal(0, vm.CreateVcpu());
            Assert.Equal(-Errno.EEXIST, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        }

        using (TestedVm vm = TestedVm.Create(host))
        {
            Assert.Equal(0, vm.EnableSplit(24));
            Assert.Equal(-Errno.EEXIST, vm.EnableSplit(24));
            Assert.Equal(-Errno.EEXIST, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
            Assert.Equal(-Errno.ENOENT, vm.Call(KvmIoctl.KVM_CREATE_PIT2, default(kvm_pit_config)));
            Assert.Equal(-Errno.ENXIO, vm.Call(KvmIoctl.KVM_GET_IRQCHIP, default(kvm_irqchip)));
        }

        using (TestedVm vm = TestedVm.Create(host))
        {
            Assert.Equal(0, vm.CreateVcpu());
            Assert.Equal(-Errno.EINVAL, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
            Assert.Equal(-Errno.EEXIST, vm.EnableSplit(24));
            Assert.Equal(-Errno.EINVAL, vm.EnableSplit(5000));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void StatusOfLines(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        foreach (uint gsi in (uint[])[0, 1, 2, 3, 8, 15])
            Assert.Equal([1, 1, 2, 2], (int[])[vm.Line(gsi, true), vm.Line(gsi, true), vm.Line(gsi, false), vm.Line(gsi, false)]);
        foreach (uint gsi in (uint[])[16, 23])
            Assert.Equal([-1, 0, 1, 1], (int[])[vm.Line(gsi, true), vm.Line(gsi, true), vm.Line(gsi, false), vm.Line(gsi, false)]);
        foreach (uint gsi in (uint[])[24, 5000, uint.MaxValue])
            Assert.Equal([-1, -1], (int[])[vm.Line(gsi, true), vm.Line(gsi, false)]);

        // A second edge before the first was taken, a masked input, a level.
        kvm_pic_state pic = vm.Chip<kvm_pic_state>(KVM_IRQCHIP_PIC_MASTER);
        Assert.Equal(0, vm.SetChip(KVM_IRQCHIP_PIC_MASTER, pic with { imr = 0x10, elcr = 0x20, irr = 0, last_irr = 0 }));
        Assert.Equal(0, vm.Route(Pin(3, 0, 3), Pin(4, 0, 4), Pin(5, 0, 5), Message(6)));
        Assert.Equal([1, 1, 0], (int[])[vm.Line(3, true), vm.Line(3, false), vm.Line(3, true)]);
        Assert.Equal([-1, -1], (int[])[vm.Line(4, true), vm.Line(4, false)]);
        Assert.Equal([1, 0, 1], (int[])[vm.Line(5, true), vm.Line(5, true), vm.Line(5, false)]);
        Assert.Equal([-1, -1, -1], (int[])[vm.Line(6, true), vm.Line(6, false), vm.Line(7, true)]);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Routes(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Route());
        Assert.Equal(0, vm.Route(Pin(0, 0, 0)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(0, 0, 8)));
        Assert.Equal(0, vm.Route(Pin(0, 1, 7)));
        Assert.Equal(0, vm.Route(Pin(0, 2, 23)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(0, 2, 24)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(0, 3, 0)));
        Assert.Equal(0, vm.Route(Pin(4095, 2, 0)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(4096, 2, 0)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(1, 0, 1), Pin(1, 0, 2)));
        Assert.Equal(0, vm.Route(Pin(1, 0, 1), Pin(1, 1, 2), Pin(1, 2, 3)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(1, 0, 1), Message(1)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Message(1), Message(1)));
        Assert.Equal(0, vm.Route(Message(1, flags: 1), Message(2, high: 0x55)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Message(1, flags: 2)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(1, 0, 1, flags: 1)));
        Assert.Equal(-Errno.EINVAL, vm.Route(new kvm_irq_routing_entry { type = 0 }));
        Assert.Equal(-Errno.EINVAL, vm.Route(new kvm_irq_routing_entry { type = 3 }));
        Assert.Equal(-Errno.EINVAL, vm.Route(0, 1, []));
        Assert.Equal(-Errno.EINVAL, vm.Route(4097, 0, []));
        Assert.Equal(0, vm.Route([.. Enumerable.Range(0, 4096).Select(static gsi => Message((uint)gsi))]));

        // A table that is refused leaves the old one.
        Assert.Equal(0, vm.Route(Pin(7, 0, 1)));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(8, 0, 1), Pin(8, 0, 2)));
        Assert.Equal([1, -1], (int[])[vm.Line(7, true), vm.Line(8, true)]);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void SplitHasNoPinsToLeadTo(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        using ClientEvent one = new();
        Assert.Equal(0, vm.EnableSplit(24));
        Assert.Equal(-Errno.EINVAL, vm.Route(Pin(0, 2, 0)));
        Assert.Equal(0, vm.Route(Message(5)));
        Assert.Equal(-1, vm.Line(3, true));
        Assert.Equal(0, vm.Irqfd(one.Number, 3));
        Assert.Equal(0, vm.Irqfd(one.Number, 3, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(one.Number, 3, KVM_IRQFD_FLAG_RESAMPLE, one.Number));
        Assert.Equal([-1, -1], (int[])[vm.Line(5, true), vm.Line(5, false)]);
        Assert.Equal(0, vm.CreateVcpu());
        Assert.Equal([0, -1], (int[])[vm.Line(5, true), vm.Line(5, false)]);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Messages(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        kvm_msi message = new() { address_lo = 0xFEE0_0000, data = 0x41 };
        Assert.Equal(-Errno.EPERM, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message));
        Assert.Equal(-Errno.EINVAL, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { flags = 2 }));
        Assert.Equal(-Errno.EPERM, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { flags = 1 }));
        Assert.Equal(-Errno.EPERM, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { address_hi = 1 }));
        Assert.Equal(0, vm.CreateVcpu());

        // Its local APIC is disabled by software after reset.
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { address_lo = 0xFEE0_1000 }));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { address_lo = 0xFEEF_F000 }));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_SIGNAL_MSI, message with { data = 0x141 }));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Irqfds(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        using ClientEvent one = new(), other = new();
        using FileStream file = File.OpenRead("/dev/null");
        int noEvent = (int)file.SafeFileHandle.DangerousGetHandle();
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.Irqfd(one.Number, 5));
        Assert.Equal(-Errno.EBUSY, vm.Irqfd(one.Number, 6));
        Assert.Equal(-Errno.EBADF, vm.Irqfd(9999, 5));
        Assert.Equal(-Errno.EBADF, vm.Irqfd(-1, 5));
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(noEvent, 5));
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(other.Number, 5, 4));
        Assert.Equal(0, vm.Irqfd(one.Number, 99_999, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EBUSY, vm.Irqfd(one.Number, 6));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EBADF, vm.Irqfd(9999, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(noEvent, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_RESAMPLE, one.Number));
        Assert.Equal(0, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_DEASSIGN));
        Assert.Equal(-Errno.EBADF, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_RESAMPLE, 9999));
        Assert.Equal(-Errno.EINVAL, vm.Irqfd(one.Number, 5, KVM_IRQFD_FLAG_RESAMPLE, noEvent));
        Assert.Equal(0, vm.Irqfd(one.Number, 99_999, KVM_IRQFD_FLAG_RESAMPLE, other.Number));
        Assert.Equal(0, vm.Irqfd(one.Number, 99_999, KVM_IRQFD_FLAG_RESAMPLE | KVM_IRQFD_FLAG_DEASSIGN, 9999));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void IoEvents(bool host)
    {
        const uint Pio = KVM_IOEVENTFD_FLAG_PIO, Match = KVM_IOEVENTFD_FLAG_DATAMATCH, Deassign = KVM_IOEVENTFD_FLAG_DEASSIGN;
        using TestedVm vm = TestedVm.Create(host);
        using ClientEvent one = new(), other = new();
        using FileStream file = File.OpenRead("/dev/null");
        int noEvent = (int)file.SafeFileHandle.DangerousGetHandle();
        int fd = one.Number;
        Assert.Equal(
            [0, -Errno.EEXIST, -Errno.EEXIST, -Errno.EINVAL, -Errno.EEXIST, -Errno.EEXIST, -Errno.EINVAL],
            ((uint[])[0, 1, 2, 3, 4, 8, 9]).Select(length => vm.IoEvent(0x100, length, fd, Pio)));
        Assert.Equal(0, vm.IoEvent(0x100, 4, fd));
        Assert.Equal(0, vm.IoEvent(0x200, 2, fd, Pio | Match, 1));
        Assert.Equal(0, vm.IoEvent(0x200, 2, fd, Pio | Match, 2));
        Assert.Equal(-Errno.EEXIST, vm.IoEvent(0x200, 2, other.Number, Pio | Match, 1));
        Assert.Equal(0, vm.IoEvent(0x200, 4, fd, Pio | Match, 1));
        Assert.Equal(-Errno.EEXIST, vm.IoEvent(0x200, 2, fd, Pio));
        Assert.Equal(0, vm.IoEvent(0x300, 4, fd, 8));
        Assert.Equal(0, vm.IoEvent(0x300, 4, fd, 16));
        Assert.Equal(-Errno.EINVAL, vm.IoEvent(0x400, 4, fd, 32));
        Assert.Equal(-Errno.EINVAL, vm.IoEvent(0x400, 0, fd, Match));
        Assert.Equal(-Errno.EINVAL, vm.IoEvent(ulong.MaxValue - 1, 2, fd));
        Assert.Equal(0, vm.IoEvent(ulong.MaxValue - 2, 2, fd));
        Assert.Equal(-Errno.EBADF, vm.IoEvent(0x900, 1, 9999));
        Assert.Equal(-Errno.EINVAL, vm.IoEvent(0x900, 1, noEvent));
        Assert.Equal(0, vm.IoEvent(0x1_2345_6789, 4, fd, Pio));

        Assert.Equal(-Errno.ENOENT, vm.IoEvent(0x100, 0, other.Number, Pio | Deassign));
        Assert.Equal(0, vm.IoEvent(0x100, 0, fd, Pio | Deassign));
        Assert.Equal(-Errno.ENOENT, vm.IoEvent(0x100, 0, fd, Pio | Deassign));
        Assert.Equal(-Errno.ENOENT, vm.IoEvent(0x200, 2, fd, Pio | Match | Deassign, 3));
        Assert.Equal(-Errno.ENOENT, vm.IoEvent(0x200, 2, fd, Pio | Deassign, 1));
        Assert.Equal(0, vm.IoEvent(0x200, 2, fd, Pio | Match | Deassign, 1));
        Assert.Equal(-Errno.EBADF, vm.IoEvent(0x200, 2, 9999, Pio | Match | Deassign, 1));
        Assert.Equal(-Errno.EINVAL, vm.IoEvent(0x200, 2, noEvent, Pio | Match | Deassign, 1));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Zones(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(-Errno.EINVAL, vm.Zone(0, 16, 2));
        Assert.Equal(-Errno.EINVAL, vm.Zone(0, 16, 2, remove: true));
        Assert.Equal(0, vm.Zone(ulong.MaxValue, 16, 0));
        Assert.Equal(0, vm.Zone(0x5000, 4, 0, remove: true));

        // 1000 devices on a bus: with the IOAPIC and the zone above 998 are left; with three ranges of the 8259 pair 997.
        foreach ((uint pio, int room) in ((uint, int)[])[(0, 998), (1, 997)])
        {
            for (uint i = 0; i < room; i++) Assert.Equal(0, vm.Zone(0x1000 + i, 16, pio));
            Assert.Equal(-Errno.ENOSPC, vm.Zone(0, 16, pio));
            Assert.Equal(0, vm.Zone(0x1000, 4, pio, remove: true));
            Assert.Equal(0, vm.Zone(0, 16, pio));
            Assert.Equal(-Errno.ENOSPC, vm.Zone(0, 16, pio));

            // All in which 0x1010 to 0x1013 lies.
            Assert.Equal(0, vm.Zone(0x1010, 4, pio, remove: true));
            for (int i = 0; i < 13; i++) Assert.Equal(0, vm.Zone(0, 16, pio));
            Assert.Equal(-Errno.ENOSPC, vm.Zone(0, 16, pio));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Settings(bool host)
    {
        using TestedVm vm = TestedVm.Create(host);
        Assert.Equal(-Errno.EINVAL, vm.CallNumber(KvmIoctl.KVM_SET_TSS_ADDR, 0xFFFF_FFF0));
        Assert.Equal(-Errno.EINVAL, vm.CallNumber(KvmIoctl.KVM_SET_TSS_ADDR, 0xFFFF_D001));
        Assert.Equal(-Errno.EINVAL, vm.CallNumber(KvmIoctl.KVM_SET_TSS_ADDR, 0x1_FFFB_D000));
        Assert.Equal(0, vm.CallNumber(KvmIoctl.KVM_SET_TSS_ADDR, 0xFFFF_D000));
        Assert.Equal(0, vm.Call<ulong>(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, 0xFFFB_C000));
        Assert.Equal(0, vm.Call<ulong>(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, ulong.MaxValue));
        Assert.Equal(0, vm.CallNumber(KvmIoctl.KVM_SET_BOOT_CPU_ID, 4096));
        Assert.Equal(-Errno.EINVAL, vm.CallNumber(KvmIoctl.KVM_SET_BOOT_CPU_ID, 100_000));
        Assert.Equal(0, vm.CallNumber(KvmIoctl.KVM_SET_BOOT_CPU_ID, 0));
        Assert.Equal(0, vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP));
        Assert.Equal(0, vm.CreateVcpu());
        Assert.Equal(-Errno.EBUSY, vm.CallNumber(KvmIoctl.KVM_SET_BOOT_CPU_ID, 0));
        Assert.Equal(-Errno.EINVAL, vm.Call<ulong>(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, 0xFFFB_C000));
        Assert.Equal(0, vm.CallVcpu(KvmIoctl.KVM_TPR_ACCESS_REPORTING, new kvm_tpr_access_ctl { enabled = 1 }));
        Assert.Equal(-Errno.EINVAL, vm.CallVcpu(KvmIoctl.KVM_TPR_ACCESS_REPORTING, new kvm_tpr_access_ctl { enabled = 1, flags = 1 }));
        Assert.Equal(0, vm.CallVcpu(KvmIoctl.KVM_SET_VAPIC_ADDR, default(kvm_vapic_addr)));
        Assert.Equal(-Errno.EINVAL, vm.CallVcpu(KvmIoctl.KVM_SET_VAPIC_ADDR, new kvm_vapic_addr { vapic_addr = 0x1000 }));
    }
}
