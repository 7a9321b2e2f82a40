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
    private const ulong AddressLimit = 1UL << GuestPhysicalBits;

    // Sorted by start address. Replaced as a whole, so that readers need no lock.
    private volatile MemorySlot[] _slots = [];
    private volatile IGuestMemoryObserver[] _observers = [];
    private readonly MemoryBacking _backing;
    private readonly Lock _lock = new();
    private readonly List<MemoryRegion> _regions = [];
    private readonly SortedSet<ulong> _cuts = [];

    // How many threads tell observers of writes now: in one those that began before the last Ignore, in the other those after it, by turns.
    private readonly int[] _telling = new int[2];
    private volatile int _tellingSide;

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

    /// <summary>Adds a slot with memory of its own: a region of priority 0 that stays where it is.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB, not zero.</param>
    /// <param name="flags">Rights and logging.</param>
    /// <returns>The slot; the first, where regions of higher priority are in it.</returns>
    /// <exception cref="VitrineException">Misaligned, empty, overlapping another region of that priority, or refused by the host.</exception>
    public MemorySlot Add(string name, Gpa start, ulong size, MemorySlotFlags flags = MemorySlotFlags.None) => SlotOf(AddRegion(name, start, size, flags));

    /// <summary>Adds a slot that shows part of another slot's memory at a second address, as <see cref="Add"/>.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    /// <param name="target">The slot whose memory is shown.</param>
    /// <param name="offset">Offset in <paramref name="target"/>, a multiple of 4 KiB.</param>
    /// <param name="flags">Rights and logging.</param>
    public MemorySlot AddAlias(string name, Gpa start, ulong size, MemorySlot target, ulong offset, MemorySlotFlags flags) =>
        SlotOf(AddView(name, start, size, target, offset, flags));

    /// <summary>Adds a region with memory of its own.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB, not zero.</param>
    /// <param name="flags">Rights and logging.</param>
    /// <param name="priority">Where regions overlap, the one with the highest shows.</param>
    /// <param name="mapped">It shows at once.</param>
    /// <exception cref="VitrineException">Misaligned, empty, overlapping another region of the same priority, or refused by the host.</exception>
    public MemoryRegion AddRegion(
        string name, Gpa start, ulong size, MemorySlotFlags flags = MemorySlotFlags.None, int priority = 0, bool mapped = true)
    {
        Check(name, start, size);
        lock (_lock)
        {
            if (mapped) CheckRoom(name, start, size, priority);
            return Insert(new MemoryRegion(this, name, start, size, new HostMapping(size, _backing), 0, flags, priority), mapped);
        }
    }

    /// <summary>Adds a region that shows part of a slot's memory at a second address.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="start">First address, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    /// <param name="target">The slot whose memory is shown.</param>
    /// <param name="offset">Offset in <paramref name="target"/>, a multiple of 4 KiB.</param>
    /// <param name="flags">Rights and logging.</param>
    /// <param name="priority">Where regions overlap, the one with the highest shows.</param>
    /// <param name="mapped">It shows at once.</param>
    /// <exception cref="VitrineException">Misaligned, empty, beyond the target, or overlapping another region of the same priority.</exception>
    /// <exception cref="ObjectDisposedException">The target's memory has been given back.</exception>
    public MemoryRegion AddView(
        string name, Gpa start, ulong size, MemorySlot target, ulong offset, MemorySlotFlags flags, int priority = 0, bool mapped = true)
    {
        ArgumentNullException.ThrowIfNull(target);
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

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(target.Host.IsClosed, target);
            if (mapped) CheckRoom(name, start, size, priority);
            return Insert(new MemoryRegion(this, name, start, size, target.Host, target.HostOffset + offset, flags, priority), mapped);
        }
    }

    /// <summary>
    /// Takes a region away for good. When this returns no vCPU uses it any more, and its host memory is given back unless another region shows it or part of it is
    /// lent.
    /// </summary>
    public void Remove(MemoryRegion region)
    {
        ArgumentNullException.ThrowIfNull(region);
        lock (_lock)
        {
            _regions.Remove(region);
            _cuts.Clear();
            foreach (MemoryRegion other in _regions) AddCuts(other);
            region.IsMapped = false;
            Rebuild();
            if (!_regions.Exists(other => other.Host == region.Host)) region.Host.Dispose();
        }
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
        lock (_lock) _observers = [.. _observers, observer];
    }

    /// <summary>
    /// An observer hears of nothing any more. When this returns, no thread is in it, so that it may be disposed. Not to be called by an observer.
    /// </summary>
    public void Ignore(IGuestMemoryObserver observer)
    {
        // Slots change with the lock held.
        lock (_lock)
        {
            _observers = [.. _observers.Where(other => other != observer)];
            int before = _tellingSide;
            _tellingSide = 1 - before;
            Interlocked.MemoryBarrier();
            SpinWait spin = default;
            while (Volatile.Read(ref _telling[before]) != 0) spin.SpinOnce();
        }
    }

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
        lock (_lock)
        {
            _slots = [];
            foreach (MemoryRegion region in _regions) region.Host.Dispose();
            _regions.Clear();
        }
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
        int side = BeginTelling();
        try
        {
            foreach (IGuestMemoryObserver observer in _observers) observer.OnWritten(slot, offset, length);
        }
        finally
        {
            Interlocked.Decrement(ref _telling[side]);
        }
    }

    // Counted first, with a full barrier: who is counted on the side that Ignore leaves is waited for, and who isn't finds the observers that
    // remain.
    private int BeginTelling()
    {
        while (true)
        {
            int side = _tellingSide;
            Interlocked.Increment(ref _telling[side]);
            if (_tellingSide == side) return side;
            Interlocked.Decrement(ref _telling[side]);
        }
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
        if (!IsPossible(start, size))
        {
            throw VitrineException.User(
                ErrorCode.MemorySlotInvalid,
                $"Memory slot '{name}' at {start} with {size} bytes is not possible.",
                $"Start and size must be multiples of 4096, the size not zero, and the end within {GuestPhysicalBits} address bits.",
                "Correct the address or the size.").With("slot", name).With("start", start.Value).With("bytes", size);
        }
    }

    private void CheckRoom(string name, Gpa start, ulong size, int priority)
    {
        if (Rival(null, start, size, priority) is not { } other) return;
        throw VitrineException.User(
            ErrorCode.MemorySlotOverlap,
            $"Memory slot '{name}' at {start} with {size} bytes overlaps slot '{other.Name}' at {other.Start} with {other.Size} bytes.",
            "Two slots can't back the same guest-physical address.",
            "Move or shrink one of them.")
            .With("slot", name).With("start", start.Value).With("bytes", size).With("other", other.Name);
    }

    private MemoryRegion? Rival(MemoryRegion? region, Gpa start, ulong size, int priority) => _regions.Find(other =>
        other != region && other.IsMapped && other.Priority == priority && start.Value < other.End.Value && other.Start.Value < start.Value + size);

    private MemoryRegion Insert(MemoryRegion region, bool mapped)
    {
        _regions.Add(region);
        region.IsMapped = mapped;

        AddCuts(region);
        if (mapped) Rebuild();
        return region;
    }

    // A region that comes and goes here must cost no more than what it covers: the slots around it stay as they are.
    private void AddCuts(MemoryRegion region)
    {
        _cuts.Add(region.FirstStart.Value);
        _cuts.Add(region.FirstStart.Value + region.Size);
    }

    /// <summary>Moves or changes a region, and shows it.</summary>
    internal bool TryPlace(MemoryRegion region, Gpa start, MemorySlotFlags flags)
    {
        lock (_lock)
        {
            if (!IsPossible(start, region.Size) || !_regions.Contains(region) || Rival(region, start, region.Size, region.Priority) is not null) return false;
            region.Start = start;
            region.Flags = flags;
            region.IsMapped = true;
            Rebuild();
            return true;
        }
    }

    /// <summary>Hides a region.</summary>
    internal void Unmap(MemoryRegion region)
    {
        lock (_lock)
        {
            if (!region.IsMapped) return;
            region.IsMapped = false;
            Rebuild();
        }
    }

    /// <summary>Makes slots of what shows of the regions. A slot that shows the same as before stays the same object.</summary>
    private void Rebuild()
    {
        MemorySlot[] before = _slots;
        List<MemorySlot> after = [];
        foreach (MemoryRegion region in _regions.Where(static region => region.IsMapped).OrderByDescending(static region => region.Priority).ToArray())
            AddUncovered(region, before, after);
        MemorySlot[] removed = [.. before.Except(after)];
        MemorySlot[] added = [.. after.Except(before)];
        _slots = [.. after];
        if (removed.Length == 0 && added.Length == 0) return;
        foreach (IGuestMemoryObserver observer in _observers) observer.OnSlotsChanged(removed, added);
    }

    // What has a higher priority is in the list already.
    private void AddUncovered(MemoryRegion region, MemorySlot[] before, List<MemorySlot> slots)
    {
        ulong first = region.Start.Value;
        int position = 0;
        while (first < region.End.Value)
        {
            while (position < slots.Count && slots[position].End.Value <= first) position++;
            ulong end = region.End.Value;
            if (position < slots.Count)
            {
                if (slots[position].Start.Value <= first)
                {
                    first = slots[position].End.Value;
                    continue;
                }

                end = Math.Min(end, slots[position].Start.Value);
            }

            foreach (ulong cut in _cuts.GetViewBetween(first + 1, end))
            {
                end = cut;
                break;
            }

            slots.Insert(position++, SlotFor(region, first, end - first, before, slots));
            first = end;
        }
    }

    private MemorySlot SlotFor(MemoryRegion region, ulong start, ulong size, MemorySlot[] before, List<MemorySlot> after)
    {
        ulong hostOffset = region.HostOffset + (start - region.Start.Value);
        foreach (MemorySlot slot in before)
        {
            if (slot.Region == region && slot.Start.Value == start && slot.Size == size && slot.HostOffset == hostOffset && slot.Flags == region.Flags) return slot;
        }

        // The lowest number that neither what was there nor what is there has: accelerators have a limit.
        int id = 0;
        while (Array.Exists(before, slot => slot.Id == id) || after.Exists(slot => slot.Id == id)) id++;
        return new MemorySlot(id, region, new Gpa(start), size, hostOffset);
    }

    private MemorySlot SlotOf(MemoryRegion region) => Array.Find(_slots, slot => slot.Region == region)!;

    private static bool IsPossible(Gpa start, ulong size) =>
        size != 0 && ((start.Value | size) & PageMask) == 0 && start.Value <= AddressLimit && size <= AddressLimit - start.Value;
}
