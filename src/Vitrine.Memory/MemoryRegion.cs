using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>
/// Memory that a machine has at some guest-physical address, or can have. Where regions overlap the one with the highest priority shows; so a board puts a ROM's
/// view above RAM and takes it away, or moves a BAR's memory, while vCPUs run. What shows of it are <see cref="MemorySlot"/>s.
/// </summary>
public sealed class MemoryRegion
{
    private readonly GuestMemory? _memory;

    internal MemoryRegion(
        GuestMemory? memory, string name, Gpa start, ulong size, HostMapping host, ulong hostOffset, MemorySlotFlags flags, int priority)
    {
        _memory = memory;
        Name = name;
        FirstStart = Start = start;
        Size = size;
        Host = host;
        HostOffset = hostOffset;
        Flags = flags;
        Priority = priority;
    }

    /// <summary>What it is.</summary>
    public string Name { get; }

    /// <summary>First guest-physical address, also while it is not mapped.</summary>
    public Gpa Start { get; internal set; }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>First guest-physical address after it.</summary>
    public Gpa End => Start + Size;

    /// <summary>Where regions overlap, the one with the highest shows.</summary>
    public int Priority { get; }

    /// <summary>Rights and logging.</summary>
    public MemorySlotFlags Flags { get; internal set; }

    /// <summary>The guest can see it, where no other region covers it.</summary>
    public bool IsMapped { get; internal set; }

    /// <summary>Where it was when it was added.</summary>
    internal Gpa FirstStart { get; }

    internal HostMapping Host { get; }

    private GuestMemory Memory => _memory ?? throw new InvalidOperationException($"Where '{Name}' shows is decided by whoever has borrowed its memory.");

    internal ulong HostOffset { get; }

    /// <summary>Shows the region at its address. When this returns, no vCPU uses what it covers any more.</summary>
    /// <returns>False, with nothing changed, when another region of the same priority is there.</returns>
    public bool TryMap() => Memory.TryPlace(this, Start, Flags);

    /// <summary>Takes the region away. When this returns, no vCPU uses it any more, and what it covered shows. Its bytes stay.</summary>
    public void Unmap() => Memory.Unmap(this);

    /// <summary>Moves the region, and shows it there.</summary>
    /// <param name="start">The new address, of any value: a guest's will do.</param>
    /// <returns>False, with nothing changed, when the address is impossible or another region of the same priority is there.</returns>
    public bool TryMove(Gpa start) => Memory.TryPlace(this, start, Flags);

    /// <summary>Gives the region other rights. The dirty log of what shows of it begins anew.</summary>
    public void Change(MemorySlotFlags flags)
    {
        if (IsMapped) Memory.TryPlace(this, Start, flags);
        else Flags = flags;
    }
}
