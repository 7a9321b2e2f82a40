using Vitrine.Errors;
using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>
/// Guest-physical memory: the slots of a machine, and access to them for loaders, devices and tools.
/// A vCPU does not come through here; accelerators map the slots themselves.
/// </summary>
public sealed unsafe class GuestMemory : IDisposable
{
    private const ulong PageMask = 0xFFF;
    private const int GuestPhysicalBits = 46;

    // Sorted by start address. Replaced as a whole, so that readers need no lock.
    private volatile MemorySlot[] _slots = [];
    private int _nextId;

    /// <summary>The slots, by ascending address.</summary>
    public IReadOnlyList<MemorySlot> Slots => _slots;

    /// <summary>Adds a slot with memory of its own.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB, not zero.</param>
    /// <param name="flags">Rights and logging.</param>
    /// <exception cref="VitrineException">Misaligned, empty, overlapping another slot, or refused by the host.</exception>
    public MemorySlot Add(string name, Gpa start, ulong size, MemorySlotFlags flags = MemorySlotFlags.None)
    {
        Check(name, start, size);
        return Insert(new MemorySlot(_nextId++, name, start, size, new HostMapping(size), 0, flags));
    }

    /// <summary>Adds a slot that shows part of another slot's memory at a second address.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    /// <param name="target">The slot whose memory is shown.</param>
    /// <param name="offset">Offset in <paramref name="target"/>, a multiple of 4 KiB.</param>
    /// <param name="flags">Rights and logging.</param>
    public MemorySlot AddAlias(string name, Gpa start, ulong size, MemorySlot target, ulong offset, MemorySlotFlags flags)
    {
        Check(name, start, size);
        if ((offset & PageMask) != 0 || offset > target.Size || size > target.Size - offset)
        {
            throw VitrineException.User(
                ErrorCode.MemoryAliasOutOfRange,
                $"Memory slot '{name}' would show {size} bytes from offset 0x{offset:x} of '{target.Name}', which has {target.Size}.",
                "The alias reaches beyond the memory it shows.",
                "Choose an offset and a size inside it, both multiples of 4096.")
                .With("slot", name).With("other", target.Name).With("offset", offset).With("bytes", size);
        }

        return Insert(new MemorySlot(_nextId++, name, start, size, target.Host, target.HostOffset + offset, flags));
    }

    /// <summary>The slot that holds an address, or null.</summary>
    public MemorySlot? Find(Gpa address)
    {
        MemorySlot[] slots = _slots;
        int low = 0;
        int high = slots.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            MemorySlot slot = slots[middle];
            if (slot.Contains(address)) return slot;
            if (address.Value < slot.Start.Value) high = middle - 1;
            else low = middle + 1;
        }

        return null;
    }

    /// <summary>
    /// The guest memory at an address, for in-place use by loaders and devices. Ignores read-only rights.
    /// </summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes wanted; the range must lie within one slot.</param>
    /// <param name="bytes">The memory; empty on failure.</param>
    /// <returns>False when the range is not wholly inside one slot.</returns>
    public bool TryGetSpan(Gpa address, int length, out Span<byte> bytes)
    {
        MemorySlot? slot = Find(address);
        if (slot is null || length < 0 || (ulong)length > slot.End.Value - address.Value)
        {
            bytes = default;
            return false;
        }

        // SAFETY: the range was just checked to lie inside the slot, whose mapping lives as long as this object.
        bytes = new Span<byte>(slot.Pointer + (address.Value - slot.Start.Value), length);
        return true;
    }

    /// <summary>Says that a loader is about to fill a range, see <see cref="HostMapping.ExpectFill"/>.</summary>
    /// <param name="address">First address; what lies outside its slot is left alone.</param>
    /// <param name="length">Bytes.</param>
    public void ExpectFill(Gpa address, ulong length)
    {
        MemorySlot? slot = Find(address);
        if (slot is null) return;
        ulong offset = address.Value - slot.Start.Value;
        slot.Host.ExpectFill(slot.HostOffset + offset, Math.Min(length, slot.Size - offset));
    }

    /// <summary>Copies guest memory out; the range may span adjacent slots.</summary>
    /// <returns>False when part of the range has no slot; the destination is then undefined.</returns>
    public bool TryRead(Gpa address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int chunk = ChunkAt(address, destination.Length);
            if (!TryGetSpan(address, chunk, out Span<byte> source) || chunk == 0) return false;
            source.CopyTo(destination);
            destination = destination[chunk..];
            address += (ulong)chunk;
        }

        return true;
    }

    /// <summary>Copies into guest memory, read-only slots included; the range may span adjacent slots.</summary>
    /// <returns>False when part of the range has no slot; bytes before it may have been written.</returns>
    public bool TryWrite(Gpa address, ReadOnlySpan<byte> source)
    {
        while (source.Length > 0)
        {
            int chunk = ChunkAt(address, source.Length);
            if (!TryGetSpan(address, chunk, out Span<byte> destination) || chunk == 0) return false;
            source[..chunk].CopyTo(destination);
            source = source[chunk..];
            address += (ulong)chunk;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        MemorySlot[] slots = _slots;
        _slots = [];
        foreach (MemorySlot slot in slots) slot.Host.Dispose();
    }

    private int ChunkAt(Gpa address, int wanted)
    {
        MemorySlot? slot = Find(address);
        return slot is null ? 0 : (int)Math.Min((ulong)wanted, slot.End.Value - address.Value);
    }

    private void Check(string name, Gpa start, ulong size)
    {
        if (size == 0 || ((start.Value | size) & PageMask) != 0 || start.Value >> GuestPhysicalBits != 0 ||
            (start.Value + size - 1) >> GuestPhysicalBits != 0)
        {
            throw VitrineException.User(
                ErrorCode.MemorySlotInvalid,
                $"Memory slot '{name}' at {start} with {size} bytes is not possible.",
                $"Start and size must be multiples of 4096, the size not zero, and the end within {GuestPhysicalBits} address bits.",
                "Correct the address or the size.").With("slot", name).With("start", start.Value).With("bytes", size);
        }

        foreach (MemorySlot slot in _slots)
        {
            if (start.Value < slot.End.Value && slot.Start.Value < start.Value + size)
            {
                throw VitrineException.User(
                    ErrorCode.MemorySlotOverlap,
                    $"Memory slot '{name}' at {start} with {size} bytes overlaps slot '{slot.Name}' at {slot.Start} with {slot.Size} bytes.",
                    "Two slots can't back the same guest-physical address.",
                    "Move or shrink one of them.")
                    .With("slot", name).With("start", start.Value).With("bytes", size).With("other", slot.Name);
            }
        }
    }

    private MemorySlot Insert(MemorySlot slot)
    {
        MemorySlot[] slots = [.. _slots, slot];
        Array.Sort(slots, static (a, b) => a.Start.Value.CompareTo(b.Start.Value));
        _slots = slots;
        return slot;
    }
}
