using Vitrine.Devices.Interrupts;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>Between the IOAPIC and its kvm_ioapic_state.</summary>
// SAFETY: for the whole type: the fixed buffer has an element for each pin.
internal static unsafe class IoapicImage
{
    private const ulong Modelled = IoapicRegisters.Writable | IoapicRegisters.RemoteIrr;

    /// <summary>What of a structure a chip does not have after its reset: where it is.</summary>
    public static kvm_ioapic_state BeyondReset => new() { base_address = IoapicRegisters.BaseAddress };

    /// <summary>What KVM shows of the chip: in irr the pins that are asserted, but for edges that were sent.</summary>
    /// <param name="state">The chip.</param>
    /// <param name="beyond">What the client has set beyond it.</param>
    public static kvm_ioapic_state Of(in Ioapic.State state, in kvm_ioapic_state beyond)
    {
        kvm_ioapic_state image = beyond;
        image.ioregsel |= state.Select;
        image.id |= state.Id;
        image.irr = state.Lines & ~state.Delivered;
        for (int pin = 0; pin < IoapicRegisters.PinCount; pin++) image.redirtbl[pin] |= state.Redirections[pin];
        return image;
    }

    /// <summary>What the chip can have of a client's structure, with no pin asserted.</summary>
    /// <param name="image">The client's.</param>
    /// <param name="beyond">What it can't have, reserved bits too, which KVM keeps.</param>
    public static Ioapic.State ToState(in kvm_ioapic_state image, out kvm_ioapic_state beyond)
    {
        Ioapic.State state = new() { Select = (byte)image.ioregsel, Id = (byte)(image.id & 0x0F) };
        beyond = new() { base_address = image.base_address, ioregsel = image.ioregsel & ~0xFFu, id = image.id & ~0x0Fu, pad = image.pad };
        for (int pin = 0; pin < IoapicRegisters.PinCount; pin++)
        {
            state.Redirections[pin] = image.redirtbl[pin] & Modelled;
            beyond.redirtbl[pin] = image.redirtbl[pin] & ~Modelled;
        }

        return state;
    }
}
