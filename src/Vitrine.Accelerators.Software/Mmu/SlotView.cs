using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>A memory slot as the software CPU uses it.</summary>
internal sealed unsafe class SlotView
{
    // SAFETY: the slot's mapping outlives the accelerator.
    private readonly ulong[]? _dirty;

    /// <summary>Views a slot.</summary>
    public SlotView(MemorySlot slot)
    {
        Slot = slot;
        Start = slot.Start.Value;
        Size = slot.Size;
        Host = slot.Pointer;
        ReadOnly = slot.ReadOnly;
        if ((slot.Flags & MemorySlotFlags.LogDirtyPages) != 0) _dirty = new ulong[((slot.Size >> 12) + 63) / 64];
    }

    /// <summary>The slot.</summary>
    public MemorySlot Slot { get; }

    /// <summary>First guest-physical address.</summary>
    public ulong Start { get; }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>Host address of the first byte.</summary>
    public byte* Host { get; }

    /// <summary>Guest writes go to the bus.</summary>
    public bool ReadOnly { get; }

    /// <summary>Writes are noted for <see cref="TakeDirty"/>.</summary>
    public bool LogsWrites => _dirty is not null;

    /// <summary>Notes a write for the dirty log, if there is one.</summary>
    public void MarkDirty(ulong gpa)
    {
        if (_dirty is null) return;
        ulong page = (gpa - Start) >> 12;
        Interlocked.Or(ref _dirty[page >> 6], 1UL << (int)page);
    }

    /// <summary>Notes a write to host memory for the dirty log, if there is one and the slot shows the memory. Any thread.</summary>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="length">Bytes.</param>
    public void MarkDirty(byte* host, ulong length)
    {
        if (_dirty is null || host >= Host + Size || host + length <= Host) return;
        ulong first = host > Host ? (ulong)(host - Host) : 0;
        ulong last = Math.Min((ulong)(host + length - Host), Size) - 1;
        for (ulong page = first & ~0xFFFUL; page <= last; page += 0x1000) MarkDirty(Start + page);
    }

    /// <summary>Copies the dirty log out and clears it.</summary>
    public void TakeDirty(Span<ulong> bitmap)
    {
        if (_dirty is null) return;
        for (int i = 0; i < _dirty.Length; i++) bitmap[i] = Interlocked.Exchange(ref _dirty[i], 0);
    }
}
