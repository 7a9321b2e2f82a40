using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>What an <see cref="AddressTranslator"/> answers.</summary>
internal unsafe struct Translation
{
    // SAFETY: Host points to a whole page inside a slot's mapping.

    /// <summary>Guest-physical address of the byte.</summary>
    public ulong Gpa;

    /// <summary>Host address of the 4-KiB page around it; null for device memory.</summary>
    public byte* Host;

    /// <summary>Rights of the whole translation; Dirty when writes need no further walk.</summary>
    public PageRights Rights;

    /// <summary>Log2 of the guest's page size.</summary>
    public byte PageShift;

    /// <summary>Writes go to the bus.</summary>
    public bool ReadOnlySlot;

    /// <summary>The slot's dirty log must hear of the first write.</summary>
    public bool LogsWrites;

    /// <summary>Error code of the page fault where there is no translation.</summary>
    public uint ErrorCode;

    /// <summary>Takes over host address and slot.</summary>
    public void Place(GuestPhysicalMemory memory)
    {
        Host = memory.HostFor(Gpa & ~0xFFFUL, 0x1000, out SlotView? slot);
        if (Host == null) return;
        ReadOnlySlot = slot!.ReadOnly;
        LogsWrites = slot.LogsWrites;
    }
}
