using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>A range of guest-physical addresses backed by host memory: what shows of a <see cref="MemoryRegion"/>. It never changes.</summary>
public sealed unsafe class MemorySlot
{
    internal MemorySlot(int id, MemoryRegion region, Gpa start, ulong size, ulong hostOffset)
    {
        Id = id;
        Region = region;
        Start = start;
        Size = size;
        Host = region.Host;
        HostOffset = hostOffset;
        Flags = region.Flags;
    }

    /// <summary>A slot over memory that somebody else has mapped, and that no <see cref="GuestMemory"/> knows of.</summary>
    /// <param name="id">Slot number.</param>
    /// <param name="name">What it is.</param>
    /// <param name="start">First guest-physical address, a multiple of 4 KiB.</param>
    /// <param name="memory">The memory, whole.</param>
    /// <param name="flags">Rights and logging.</param>
    public static MemorySlot Borrow(int id, string name, Gpa start, HostMapping memory, MemorySlotFlags flags)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNotEqual(start.Value & 0xFFF, 0UL);
        return new MemorySlot(id, new MemoryRegion(null, name, start, memory.Size, memory, 0, flags, 0), start, memory.Size, 0);
    }

    /// <summary>The region that it shows, or part of it.</summary>
    public MemoryRegion Region { get; }

    /// <summary>Slot number, unique in the machine at a time.</summary>
    public int Id { get; }

    /// <summary>What it is: "ram-low", "firmware", ...</summary>
    public string Name => Region.Name;

    /// <summary>First guest-physical address, a multiple of 4 KiB.</summary>
    public Gpa Start { get; }

    /// <summary>Size in bytes, a multiple of 4 KiB.</summary>
    public ulong Size { get; }

    /// <summary>First guest-physical address after the slot.</summary>
    public Gpa End => Start + Size;

    /// <summary>The host memory behind it; two slots may share one mapping (firmware alias).</summary>
    public HostMapping Host { get; }

    /// <summary>Offset of the slot's first byte in <see cref="Host"/>.</summary>
    public ulong HostOffset { get; }

    /// <summary>Rights and logging.</summary>
    public MemorySlotFlags Flags { get; }

    /// <summary>True when guest writes do not reach the memory.</summary>
    public bool ReadOnly => (Flags & MemorySlotFlags.ReadOnly) != 0;

    /// <summary>Host address of the slot's first byte.</summary>
    public byte* Pointer => Host.Pointer + HostOffset;

    /// <summary>The same as a number, for those who only show it.</summary>
    // SAFETY: nothing is read through it.
    public ulong HostAddress => (ulong)Pointer;

    /// <summary>True when the address lies in the slot.</summary>
    public bool Contains(Gpa address) => address.Value - Start.Value < Size;
}
