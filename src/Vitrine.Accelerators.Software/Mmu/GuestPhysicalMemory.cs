namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>From guest-physical to host addresses: the slots, as one vCPU sees them.</summary>
internal sealed unsafe class GuestPhysicalMemory
{
    // SAFETY: a host pointer is only made from an offset that was checked against its slot's size.
    private SlotView? _last;

    /// <summary>The slots.</summary>
    public SlotView[] Slots { get; private set; } = [];

    /// <summary>Takes over other slots.</summary>
    public void Load(SlotView[] slots)
    {
        Slots = slots;
        _last = null;
    }

    /// <summary>The slot of an address, or null.</summary>
    public SlotView? Find(ulong gpa)
    {
        SlotView? last = _last;
        if (last is not null && gpa - last.Start < last.Size) return last;
        foreach (SlotView candidate in Slots)
        {
            if (gpa - candidate.Start < candidate.Size) return _last = candidate;
        }

        return null;
    }

    /// <summary>Host address of a range, or null when it is not wholly inside one slot.</summary>
    public byte* HostFor(ulong gpa, int size, out SlotView? slot)
    {
        slot = Find(gpa);
        if (slot is null) return null;
        ulong offset = gpa - slot.Start;
        return slot.Size - offset >= (ulong)size ? slot.Host + offset : null;
    }

    /// <summary>The guest-physical address of a byte of the host; null where it belongs to no slot.</summary>
    public ulong? PhysicalOf(ulong host)
    {
        foreach (SlotView slot in Slots)
        {
            if (host - (ulong)slot.Host < slot.Size) return slot.Start + (host - (ulong)slot.Host);
        }

        return null;
    }
}
