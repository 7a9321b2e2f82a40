namespace Vitrine.Accelerators.Software.Apic;

/// <summary>What connects the local APICs of a machine: with one another, and with the IOAPIC and devices. Any thread.</summary>
internal sealed class InterruptFabric : IInterruptBus
{
    private readonly Lock _lock = new();

    // By APIC id. Replaced as a whole, so that senders need no lock.
    private volatile LocalApic[] _apics = [];

    /// <summary>Connects a processor.</summary>
    public void Connect(LocalApic apic)
    {
        lock (_lock)
        {
            LocalApic[] apics = [.. _apics, apic];
            Array.Sort(apics, static (a, b) => a.Id.CompareTo(b.Id));
            _apics = apics;
        }
    }

    /// <summary>A processor has gone. What was sent to it meanwhile comes to nothing.</summary>
    public void Disconnect(LocalApic apic)
    {
        lock (_lock) _apics = [.. _apics.Where(other => other != apic)];
    }

    /// <inheritdoc/>
    public void Send(LocalApic sender, in InterruptCommand command) => Broadcast(command, sender);

    /// <summary>Delivers a message-signalled interrupt (SDM vol. 3, 11.11). One that is for no processor is lost.</summary>
    /// <returns>How many processors took it; −1 while there is none.</returns>
    public int Deliver(ulong address, uint data)
    {
        if (!InterruptCommand.TryParseMessage(address, data, out InterruptCommand command)) return 0;
        if (_apics.Length == 0) return -1;
        if (command.Mode != DeliveryMode.LowestPriority) return Broadcast(command, null);
        if (Arbitrate(command, null) is not { } chosen) return 0;
        chosen.Post(command);
        return 1;
    }

    /// <inheritdoc/>
    public LocalApic? Arbitrate(in InterruptCommand command, LocalApic? except)
    {
        LocalApic[] apics = _apics;
        uint lowest = uint.MaxValue;
        int candidates = 0;
        foreach (LocalApic apic in apics)
        {
            if (apic == except || !apic.AcceptsVectors || !apic.IsDestination(command)) continue;
            uint priority = apic.ArbitrationPriority;
            if (priority < lowest) (lowest, candidates) = (priority, 1);
            else if (priority == lowest) candidates++;
        }

        if (candidates == 0) return null;

        // Between equals the vector decides, so that one device always finds its handler's data in the same processor's caches.
        int chosen = command.Vector % candidates;
        LocalApic? last = null;
        foreach (LocalApic apic in apics)
        {
            if (apic == except || !apic.AcceptsVectors || !apic.IsDestination(command) || apic.ArbitrationPriority > lowest) continue;
            last = apic;
            if (chosen-- == 0) break;
        }

        return last;
    }

    private int Broadcast(in InterruptCommand command, LocalApic? except)
    {
        int takers = 0;
        foreach (LocalApic apic in _apics)
        {
            if (apic == except || !apic.IsDestination(command)) continue;
            apic.Post(command);

            // As KVM counts: what ends at a local APIC is not taken, and one that is disabled by software counts for nothing, though an NMI reaches it.
            if (command.Mode is not (DeliveryMode.Smi or DeliveryMode.ExtInt) && apic.AcceptsVectors) takers++;
        }

        return takers;
    }
}
