using Vitrine.Errors;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Memory;

/// <summary>
/// Guest-physical memory: the slots of a machine, and access to them for loaders and tools, which may write to read-only slots too.
/// Devices use <see cref="ForDevices"/>. A vCPU does not come through here; accelerators map the slots themselves.
/// </summary>
public sealed class GuestMemory : IGuestMemory, IDisposable
{
    private const ulong PageMask = Page.OffsetMask;
    private const int GuestPhysicalBits = 46;

    // Sorted by start address. Replaced as a whole, so that readers need no lock.
    private volatile MemorySlot[] _slots = [];
    private volatile IGuestMemoryObserver[] _observers = [];
    private readonly MemoryBacking _backing;
    private int _nextId;

    /// <summary>No slots.</summary>
    /// <param name="backing">What host memory slots get.</param>
    public GuestMemory(MemoryBacking backing = MemoryBacking.Anonymous)
    {
        _backing = backing;
        ForDevices = new DeviceMemory(this);
    }

    /// <summary>The same memory with the rights of a device: a write to a read-only slot is refused.</summary>
    public IGuestMemory ForDevices { get; }

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
        return Insert(new MemorySlot(_nextId++, name, start, size, new HostMapping(size, _backing), 0, flags));
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

    /// <summary>From now on an observer hears of every write through this object and <see cref="ForDevices"/>.</summary>
    public void Observe(IGuestMemoryObserver observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        _observers = [.. _observers, observer];
    }

    /// <summary>An observer hears of nothing any more.</summary>
    public void Ignore(IGuestMemoryObserver observer) => _observers = [.. _observers.Where(other => other != observer)];

    /// <inheritdoc/>
    public bool TryRent(Gpa address, int length, MemoryIntent intent, out MemoryRental rental) =>
        TryRent(address, length, intent, obeysRights: false, out rental);

    /// <inheritdoc/>
    public bool TryRentPart(Gpa address, int length, MemoryIntent intent, out MemoryRental rental) =>
        TryRentPart(address, length, intent, obeysRights: false, out rental);

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

    /// <inheritdoc/>
    public bool TryRead(Gpa address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            if (!TryRentPart(address, destination.Length, MemoryIntent.Read, obeysRights: false, out MemoryRental part)) return false;
            using (part)
            {
                part.Bytes.CopyTo(destination);
                destination = destination[part.Bytes.Length..];
                address += (ulong)part.Bytes.Length;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(Gpa address, ReadOnlySpan<byte> source) => TryWrite(address, source, obeysRights: false);

    /// <inheritdoc/>
    public void Dispose()
    {
        MemorySlot[] slots = _slots;
        _slots = [];
        foreach (MemorySlot slot in slots) slot.Host.Dispose();
    }

    /// <inheritdoc cref="TryWrite(Gpa, ReadOnlySpan{byte})"/>
    /// <param name="address">First address.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="obeysRights">A read-only slot refuses the write.</param>
    internal bool TryWrite(Gpa address, ReadOnlySpan<byte> source, bool obeysRights)
    {
        while (source.Length > 0)
        {
            if (!TryRentPart(address, source.Length, MemoryIntent.Write, obeysRights, out MemoryRental part)) return false;
            using (part)
            {
                int length = part.Writable.Length;
                source[..length].CopyTo(part.Writable);
                source = source[length..];
                address += (ulong)length;
            }
        }

        return true;
    }

    /// <summary>As the public one, with the rights of a device or without.</summary>
    internal bool TryRent(Gpa address, int length, MemoryIntent intent, bool obeysRights, out MemoryRental rental)
    {
        rental = default;
        return Find(address) is { } slot && length >= 0 && (ulong)length <= slot.End.Value - address.Value &&
            TryLend(slot, address, length, intent, obeysRights, out rental);
    }

    /// <inheritdoc cref="TryRent(Gpa, int, MemoryIntent, bool, out MemoryRental)"/>
    internal bool TryRentPart(Gpa address, int length, MemoryIntent intent, bool obeysRights, out MemoryRental rental)
    {
        rental = default;
        return Find(address) is { } slot && length >= 1 &&
            TryLend(slot, address, (int)Math.Min((ulong)length, slot.End.Value - address.Value), intent, obeysRights, out rental);
    }

    /// <summary>Bytes of a slot have been written.</summary>
    internal void NoteWritten(MemorySlot slot, ulong offset, ulong length)
    {
        foreach (IGuestMemoryObserver observer in _observers) observer.OnWritten(slot, offset, length);
    }

    private bool TryLend(MemorySlot slot, Gpa address, int length, MemoryIntent intent, bool obeysRights, out MemoryRental rental)
    {
        rental = default;
        if (obeysRights && slot.ReadOnly && (intent & MemoryIntent.Write) != 0) return false;
        try
        {
            bool held = false;
            slot.Host.DangerousAddRef(ref held);
        }
        catch (ObjectDisposedException)
        {
            // Another thread has just taken the slot away.
            return false;
        }

        rental = new MemoryRental(this, slot, address.Value - slot.Start.Value, length, intent);
        return true;
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
