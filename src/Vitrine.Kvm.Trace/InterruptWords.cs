using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>Words for interrupts, their controllers and the timer.</summary>
internal static unsafe class InterruptWords
{
    // SAFETY: for the whole type: sizes of structures are asked, and no pointer is followed.
    private static readonly (uint Bit, string Name)[] s_eventFlags =
    [
        (KvmConstants.KVM_IOEVENTFD_FLAG_DATAMATCH, "KVM_IOEVENTFD_FLAG_DATAMATCH"), (KvmConstants.KVM_IOEVENTFD_FLAG_PIO, "KVM_IOEVENTFD_FLAG_PIO"),
        (KvmConstants.KVM_IOEVENTFD_FLAG_DEASSIGN, "KVM_IOEVENTFD_FLAG_DEASSIGN"),
        (KvmConstants.KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY, "KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY"),
    ];

    private static readonly (uint Bit, string Name)[] s_lineFlags =
        [(KvmConstants.KVM_IRQFD_FLAG_DEASSIGN, "KVM_IRQFD_FLAG_DEASSIGN"), (KvmConstants.KVM_IRQFD_FLAG_RESAMPLE, "KVM_IRQFD_FLAG_RESAMPLE")];

    /// <summary>KVM_IRQ_LINE and KVM_IRQ_LINE_STATUS, which puts its status where the line's number was.</summary>
    public static bool Line(in IoctlCall call, long result, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_irq_level line)) return false;
        bool answered = call.Request == KvmIoctl.KVM_IRQ_LINE_STATUS && result >= 0;
        to.Number("irq", answered ? call.First : line.irq).Number("level", line.level);
        if (answered) to.Number("status", (int)line.irq);
        return true;
    }

    public static bool Vector(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_interrupt interrupt)) return false;
        to.Hex("vector", interrupt.irq);
        return true;
    }

    public static bool Message(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_msi message)) return false;
        to.Hex("address", ((ulong)message.address_hi << 32) | message.address_lo).Hex("data", message.data);
        return true;
    }

    public static bool Routes(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_irq_routing header)) return false;
        to.Number("nr", header.nr);
        kvm_irq_routing_entry[] entries = call.Memory.ReadList<kvm_irq_routing_entry>(
            call.Argument + (ulong)sizeof(kvm_irq_routing), header.nr, KvmConstants.KVM_MAX_IRQ_ROUTES);
        foreach (kvm_irq_routing_entry entry in entries)
        {
            kvm_irq_routing_msi message = entry.u.msi;
            string where = entry.type switch
            {
                KvmConstants.KVM_IRQ_ROUTING_IRQCHIP => Text($"{ChipName(entry.u.irqchip.irqchip)} pin {entry.u.irqchip.pin}"),
                KvmConstants.KVM_IRQ_ROUTING_MSI => Text($"message 0x{((ulong)message.address_hi << 32) | message.address_lo:x} data 0x{message.data:x}"),
                uint other => Text($"type {other}"),
            };
            to.Add(Text($"gsi {entry.gsi}"), where);
        }

        return true;
    }

    public static bool EventToLine(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_irqfd request)) return false;
        to.Number("fd", (int)request.fd).Number("gsi", request.gsi).Add("flags", Flags.Of(request.flags, s_lineFlags));
        if ((request.flags & KvmConstants.KVM_IRQFD_FLAG_RESAMPLE) != 0) to.Number("resamplefd", (int)request.resamplefd);
        return true;
    }

    public static bool AccessToEvent(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_ioeventfd request)) return false;
        to.Hex("addr", request.addr).Number("len", request.len).Number("fd", request.fd).Add("flags", Flags.Of(request.flags, s_eventFlags));
        if ((request.flags & KvmConstants.KVM_IOEVENTFD_FLAG_DATAMATCH) != 0) to.Hex("datamatch", request.datamatch);
        return true;
    }

    public static bool PitConfiguration(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_pit_config configuration)) return false;
        to.Hex("flags", configuration.flags);
        return true;
    }

    public static bool Reinjection(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_reinject_control control)) return false;
        to.Number("pit_reinject", control.pit_reinject);
        return true;
    }

    public static bool Chip(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_irqchip chip)) return false;
        to.Number("chip", chip.chip_id);
        return true;
    }

    public static bool PitChannels(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_pit_channels channels)) return false;
        AddChannels(channels, to);
        return true;
    }

    public static bool Pit(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_pit_state2 pit)) return false;
        to.Hex("flags", pit.flags);
        AddChannels(pit.channels, to);
        return true;
    }

    private static void AddChannels(in kvm_pit_channels channels, CallArguments to) =>
        to.Add("channel 0", Channel(channels.channel0)).Add("channel 1", Channel(channels.channel1)).Add("channel 2", Channel(channels.channel2));

    private static string Channel(in kvm_pit_channel_state channel) => Text($"count={channel.count} mode={channel.mode} gate={channel.gate}");

    private static string ChipName(uint chip) => chip switch
    {
        KvmConstants.KVM_IRQCHIP_PIC_MASTER => "PIC master",
        KvmConstants.KVM_IRQCHIP_PIC_SLAVE => "PIC slave",
        KvmConstants.KVM_IRQCHIP_IOAPIC => "IOAPIC",
        _ => Text($"chip {chip}"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
