using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>A range of guest-physical addresses backed by host memory.</summary>
public sealed unsafe class MemorySlot
{
    internal MemorySlot(int id, string name, Gpa start, ulong size, HostMapping host, ulong hostOffset, MemorySlotFlags flags)
    {
        Id = id;
        Name = name;
        Start = start;
        Size = size;
        Host = host;
        HostOffset = hostOffset;
        Flags = flags;
    }

    /// <summary>Slot number, unique in the machine.</summary>
    public int Id { get; }

    /// <summary>What it is: "ram-low", "firmware", ...</summary>
    public string Name { get; }

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
