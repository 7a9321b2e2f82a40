using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>Where one global system interrupt leads.</summary>
/// <param name="Target">What it leads to.</param>
/// <param name="Chip">Of a controller: its number, KVM_IRQCHIP_PIC_MASTER and so on.</param>
/// <param name="Pin">Of a controller: the input; of the 8259 pair 0 to 15.</param>
/// <param name="Message">Of a message.</param>
internal readonly record struct InterruptRoute(RouteTarget Target, uint Chip, int Pin, MessageRoute Message)
{
    /// <summary>Reads one as the client gives it.</summary>
    /// <param name="entry">The client's.</param>
    /// <param name="controllers">Whether there are controllers to lead to.</param>
    /// <param name="wideDestinations">KVM_X2APIC_API_USE_32BIT_IDS: destinations go on in the address's upper half.</param>
    /// <param name="route">The route.</param>
    /// <returns>False where KVM says EINVAL.</returns>
    public static bool TryRead(in kvm_irq_routing_entry entry, bool controllers, bool wideDestinations, out InterruptRoute route)
    {
        const int PicInputs = 8;
        route = default;
        switch (entry.type)
        {
            case KvmConstants.KVM_IRQ_ROUTING_IRQCHIP when controllers && entry.flags == 0:
                (uint chip, uint pin) = (entry.u.irqchip.irqchip, entry.u.irqchip.pin);
                if (chip > KvmConstants.KVM_IRQCHIP_IOAPIC) return false;
                if (chip == KvmConstants.KVM_IRQCHIP_IOAPIC)
                {
                    route = new(RouteTarget.Ioapic, chip, (int)pin, default);
                    return pin < KvmConstants.KVM_IOAPIC_NUM_PINS;
                }

                route = new(RouteTarget.Pic, chip, (int)(pin + (chip == KvmConstants.KVM_IRQCHIP_PIC_SLAVE ? PicInputs : 0)), default);
                return pin < PicInputs;
            case KvmConstants.KVM_IRQ_ROUTING_MSI when (entry.flags & ~KvmConstants.KVM_MSI_VALID_DEVID) == 0:
                kvm_irq_routing_msi message = entry.u.msi;
                route = new(RouteTarget.Message, 0, 0, new MessageRoute(message.address_lo, message.address_hi, message.data, wideDestinations));
                return route.Message.IsPossible;
            default:
                return false;
        }
    }

    /// <summary>Whether a global system interrupt may have both routes: to different controllers.</summary>
    public bool GoesWith(in InterruptRoute other) =>
        Target != RouteTarget.Message && other.Target != RouteTarget.Message && Chip != other.Chip;
}
