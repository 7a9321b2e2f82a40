using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Irqchip;

namespace Vitrine.KvmServer.Events;

// Lines, messages and events.
internal sealed partial class VmInterrupts
{
    /// <summary>KVM_IRQ_LINE and KVM_IRQ_LINE_STATUS.</summary>
    /// <param name="line">The line and its level.</param>
    /// <param name="status">How many took the interrupt; 0 when it was coalesced with another, -1 when it was ignored.</param>
    /// <returns>-ENXIO without local APICs.</returns>
    public int SetLine(in kvm_irq_level line, out int status)
    {
        status = -1;
        if (Mode == IrqchipMode.None) return -Errno.ENXIO;
        status = _lines.Set(line.irq, InterruptSource.Client, line.level != 0);
        return 0;
    }

    /// <summary>What KVM_SET_GSI_ROUTING says before it reads the entries.</summary>
    /// <returns>-EINVAL without local APICs, for more than 4096 entries, or flags.</returns>
    public int CheckRouting(in kvm_irq_routing header) =>
        Mode == IrqchipMode.None || header.nr > KvmConstants.KVM_MAX_IRQ_ROUTES || header.flags != 0 ? -Errno.EINVAL : 0;

    /// <summary>KVM_SET_GSI_ROUTING, after <see cref="CheckRouting"/>. All routes are replaced, or none.</summary>
    /// <returns>-EINVAL for an entry that leads nowhere, or that may not stand beside another.</returns>
    public int SetRouting(ReadOnlySpan<kvm_irq_routing_entry> entries)
    {
        lock (_changes)
        {
            int error = RoutingTable.Create(entries, Mode == IrqchipMode.Full, WideDestinations, out RoutingTable? routes);
            if (error == 0) _lines.Replace(routes!, _clientPins);
            return error;
        }
    }

    /// <summary>KVM_SIGNAL_MSI.</summary>
    /// <returns>How many processors took it; -1 while there is none. -EINVAL without local APICs or for unknown flags.</returns>
    public int SignalMessage(in kvm_msi message)
    {
        MessageRoute route = new(message.address_lo, message.address_hi, message.data, WideDestinations);
        if (Mode == IrqchipMode.None || (message.flags & ~KvmConstants.KVM_MSI_VALID_DEVID) != 0 || !route.IsPossible) return -Errno.EINVAL;
        return _lines.Send(route);
    }

    /// <summary>KVM_IRQFD.</summary>
    /// <returns>-EINVAL, -EBADF, or -EBUSY when the eventfd is an irqfd already.</returns>
    public int ChangeIrqfd(in kvm_irqfd argument)
    {
        IrqfdTable irqfds;
        lock (_changes) irqfds = _irqfds ??= new IrqfdTable(_lines, failed);
        return irqfds.Change(argument, Mode);
    }

    /// <summary>KVM_IOEVENTFD.</summary>
    /// <returns>
    /// -EINVAL, -EBADF, -EEXIST when writes would belong to another too, or -ENOENT when none is as the one to be taken away.
    /// </returns>
    public int ChangeIoEvent(in kvm_ioeventfd argument) => _ioEvents.Change(argument);

    /// <summary>KVM_REGISTER_COALESCED_MMIO.</summary>
    /// <returns>-EINVAL, or -ENOSPC when there are too many.</returns>
    public int RegisterCoalesced(in kvm_coalesced_mmio_zone zone) => _zones.Register(zone, zone.pio == 0 ? MemoryDevices : PortDevices);

    /// <summary>KVM_UNREGISTER_COALESCED_MMIO.</summary>
    /// <returns>-EINVAL; 0 also when there is no such zone.</returns>
    public int UnregisterCoalesced(in kvm_coalesced_mmio_zone zone) => _zones.Unregister(zone);

    // What KVM counts on its buses: three ranges of the 8259 pair, the timer's and the speaker's; the IOAPIC.
    private int PortDevices => (Mode == IrqchipMode.Full ? 3 : 0) + (_timer?.PortRanges ?? 0);

    private int MemoryDevices => Mode == IrqchipMode.Full ? 1 : 0;
}
