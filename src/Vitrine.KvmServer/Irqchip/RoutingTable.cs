using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>Where global system interrupts lead (KVM_SET_GSI_ROUTING). It doesn't change; it is replaced.</summary>
internal sealed class RoutingTable
{
    private const int IsaInterrupts = 16;

    private readonly InterruptRoute[] _routes;

    // Of each global system interrupt the first of its routes; one more at the end.
    private readonly int[] _first;

    private RoutingTable(InterruptRoute[] routes, int[] first) => (_routes, _first) = (routes, first);

    /// <summary>No route at all.</summary>
    public static RoutingTable Empty { get; } = new([], [0]);

    /// <summary>That of KVM_CREATE_IRQCHIP: each to the IOAPIC's pin of its number, those below 16 to the 8259 pair too.</summary>
    public static RoutingTable Default { get; } = CreateDefault();

    /// <summary>Reads a table as the client gives it.</summary>
    /// <param name="entries">The client's entries.</param>
    /// <param name="controllers">Whether there are controllers to lead to.</param>
    /// <param name="wideDestinations">KVM_X2APIC_API_USE_32BIT_IDS.</param>
    /// <param name="table">The table.</param>
    /// <returns>0, or -EINVAL.</returns>
    public static int Create(ReadOnlySpan<kvm_irq_routing_entry> entries, bool controllers, bool wideDestinations, out RoutingTable? table)
    {
        table = null;
        int[] first = new int[KvmConstants.KVM_MAX_IRQ_ROUTES + 1];
        foreach (ref readonly kvm_irq_routing_entry entry in entries)
        {
            if (entry.gsi >= KvmConstants.KVM_MAX_IRQ_ROUTES) return -Errno.EINVAL;
            first[entry.gsi + 1]++;
        }

        for (int gsi = 0; gsi < KvmConstants.KVM_MAX_IRQ_ROUTES; gsi++) first[gsi + 1] += first[gsi];
        InterruptRoute[] routes = new InterruptRoute[entries.Length];
        int[] next = [.. first];
        foreach (ref readonly kvm_irq_routing_entry entry in entries)
        {
            if (!InterruptRoute.TryRead(entry, controllers, wideDestinations, out InterruptRoute route)) return -Errno.EINVAL;
            for (int other = first[entry.gsi]; other < next[entry.gsi]; other++)
            {
                if (!route.GoesWith(routes[other])) return -Errno.EINVAL;
            }

            routes[next[entry.gsi]++] = route;
        }

        table = new RoutingTable(routes, first);
        return 0;
    }

    /// <summary>The routes of a global system interrupt: none, one, or one for each controller.</summary>
    public ReadOnlySpan<InterruptRoute> Of(uint gsi) =>
        gsi < (uint)_first.Length - 1 ? _routes.AsSpan(_first[gsi].._first[gsi + 1]) : [];

    /// <summary>Whether a global system interrupt leads to an input.</summary>
    public bool Leads(uint gsi, RouteTarget target, int pin)
    {
        foreach (ref readonly InterruptRoute route in Of(gsi))
        {
            if (route.Target == target && route.Pin == pin) return true;
        }

        return false;
    }

    /// <summary>Notes the vectors of level-triggered messages, whose end an IOAPIC of the client's waits for.</summary>
    /// <param name="pins">Only the global system interrupts below are pins of IOAPICs.</param>
    /// <param name="vectors">A bit for each vector, 64 in an element.</param>
    public void AddLevelTriggered(uint pins, Span<ulong> vectors)
    {
        for (uint gsi = 0; gsi < pins && gsi < (uint)_first.Length - 1; gsi++)
        {
            foreach (ref readonly InterruptRoute route in Of(gsi))
            {
                if (route.Target == RouteTarget.Message && route.Message.IsLevelTriggered)
                    vectors[route.Message.Vector >> 6] |= 1UL << (route.Message.Vector & 63);
            }
        }
    }

    private static RoutingTable CreateDefault()
    {
        List<kvm_irq_routing_entry> entries = [];
        for (uint gsi = 0; gsi < KvmConstants.KVM_IOAPIC_NUM_PINS; gsi++)
        {
            entries.Add(Entry(gsi, KvmConstants.KVM_IRQCHIP_IOAPIC, gsi));
            if (gsi < IsaInterrupts)
                entries.Add(Entry(gsi, gsi < 8 ? KvmConstants.KVM_IRQCHIP_PIC_MASTER : KvmConstants.KVM_IRQCHIP_PIC_SLAVE, gsi & 7));
        }

        _ = Create([.. entries], controllers: true, wideDestinations: false, out RoutingTable? table);
        return table!;
    }

    private static kvm_irq_routing_entry Entry(uint gsi, uint chip, uint pin)
    {
        kvm_irq_routing_entry entry = new() { gsi = gsi, type = KvmConstants.KVM_IRQ_ROUTING_IRQCHIP };
        entry.u.irqchip = new kvm_irq_routing_irqchip { irqchip = chip, pin = pin };
        return entry;
    }
}
