using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;

namespace Vitrine.Accelerators.Kvm.Vm;

/// <summary>
/// Tells KVM which vectors are level-triggered when the IOAPIC is in user space. KVM leaves the guest on an EOI only for
/// vectors that it finds in the routing table of the IOAPIC's pins, so a level-triggered message gets a route when it is first sent.
/// </summary>
internal sealed class KvmLevelRoutes
{
    /// <summary>Pins of the IOAPIC, and routes that are reserved for them.</summary>
    public const int Pins = 24;

    // SDM vol. 3, "Message Data Register Format": bit 15 is the trigger mode, bit 14 the level.
    private const uint LevelTriggered = 1 << 15;

    private readonly KvmVmHandle _vm;
    private readonly (ulong Address, uint Data)[] _routes = new (ulong, uint)[Pins];
    private readonly Lock _lock = new();
    private int _count;
    private int _next;

    public KvmLevelRoutes(KvmVmHandle vm) => _vm = vm;

    /// <summary>Makes sure that the EOI of this message will be reported, if it is level-triggered.</summary>
    public void Cover(ulong address, uint data)
    {
        if ((data & LevelTriggered) == 0) return;
        lock (_lock)
        {
            if (Array.IndexOf(_routes, (address, data), 0, _count) >= 0) return;

            // A pin that was programmed anew leaves its old route behind; at worst that reports an EOI too many.
            _routes[_next] = (address, data);
            _next = (_next + 1) % Pins;
            _count = Math.Max(_count, _next == 0 ? Pins : _next);
            Put();
        }
    }

    private void Put()
    {
        Span<byte> buffer = stackalloc byte[CountedEntries.BytesFor<kvm_irq_routing, kvm_irq_routing_entry>(Pins)];
        Span<kvm_irq_routing_entry> entries = CountedEntries.Write<kvm_irq_routing, kvm_irq_routing_entry>(buffer, _count);
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new kvm_irq_routing_entry { gsi = (uint)i, type = KvmConstants.KVM_IRQ_ROUTING_MSI };
            entries[i].u.msi = new kvm_irq_routing_msi
            {
                address_lo = (uint)_routes[i].Address,
                address_hi = (uint)(_routes[i].Address >> 32),
                data = _routes[i].Data,
            };
        }

        _vm.Call(KvmIoctl.KVM_SET_GSI_ROUTING, ref buffer[0]);
    }
}
