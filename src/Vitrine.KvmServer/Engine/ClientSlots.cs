using System.Runtime.InteropServices;
using Vitrine.Accelerators;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.KvmServer.Engine;

/// <summary>
/// The memory slots of a virtual machine, over the client's own memory (KVM_SET_USER_MEMORY_REGION; Documentation/virt/kvm/api.rst 4.35). Not
/// thread-safe: the machine's lock guards it.
/// </summary>
internal sealed class ClientSlots
{
    /// <summary>How many slots a machine may have (KVM_CAP_NR_MEMSLOTS).</summary>
    public const int Limit = 509;

    private const ulong PageMask = 0xFFF;
    private const ulong UserSpaceEnd = 0x7FFF_FFFF_F000;
    private const ulong GuestPhysicalEnd = 1UL << 52;
    private const uint LogDirty = (uint)MemorySlotFlags.LogDirtyPages;
    private const uint ReadOnly = (uint)MemorySlotFlags.ReadOnly;

    private readonly Dictionary<uint, ClientSlot> _slots = [];

    // Memory that was found to be there as a whole: clients show parts of it here and there.
    private readonly List<(ulong Start, ulong End)> _known = [];
    private MemorySlot[] _shown = [];
    private ClientSlot[] _holed = [];
    private int _pieces = Limit;

    /// <summary>The same, by ascending address, for who has not the machine's lock: what is replaced as a whole needs none. Any thread.</summary>
    public IReadOnlyList<MemorySlot> Shown => Volatile.Read(ref _shown);

    /// <summary>The slots as the CPU has them.</summary>
    public IEnumerable<MemorySlot> Slots => _slots.Values.SelectMany(static slot => slot.Pieces);

    /// <summary>How many slots the client has set.</summary>
    public int Count => _slots.Count;

    /// <summary>KVM_CLEAR_DIRTY_LOG clears, and KVM_GET_DIRTY_LOG doesn't (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2).</summary>
    public bool ClearsByHand { get; set; }

    /// <summary>A slot that begins to be logged is dirty as a whole (KVM_DIRTY_LOG_INITIALLY_SET).</summary>
    public bool BeginsDirty { get; set; }

    /// <summary>Makes, moves, changes or deletes a slot.</summary>
    /// <returns>0; -EINVAL for what no slot can be, -EEXIST where another one is. Whether memory is there the guest finds out.</returns>
    public int Set(in kvm_userspace_memory_region region, IAccelerator accelerator)
    {
        if ((region.flags & ~(LogDirty | ReadOnly)) != 0 || region.slot >= Limit) return -Errno.EINVAL;
        if (((region.memory_size | region.guest_phys_addr | region.userspace_addr) & PageMask) != 0) return -Errno.EINVAL;
        if (region.userspace_addr > UserSpaceEnd || region.memory_size > UserSpaceEnd - region.userspace_addr) return -Errno.EINVAL;
        if (region.guest_phys_addr > GuestPhysicalEnd || region.memory_size > GuestPhysicalEnd - region.guest_phys_addr) return -Errno.EINVAL;
        _slots.TryGetValue(region.slot, out ClientSlot? old);
        if (region.memory_size == 0) return Delete(old, accelerator);
        if (old is not null)
        {
            bool same = old.Region.memory_size == region.memory_size && old.Region.userspace_addr == region.userspace_addr;
            if (!same || ((old.Region.flags ^ region.flags) & ReadOnly) != 0) return -Errno.EINVAL;
            if (old.Region.guest_phys_addr == region.guest_phys_addr && old.Region.flags == region.flags) return 0;
        }

        foreach (ClientSlot other in _slots.Values)
        {
            if (other == old) continue;
            bool apart = region.guest_phys_addr >= other.End || region.guest_phys_addr + region.memory_size <= other.Start;
            if (!apart) return -Errno.EEXIST;
        }

        ClientSlot client = new(region, old is null ? Build(region) : Move(old, region));
        accelerator.OnSlotsChanged(old?.Pieces ?? [], client.Pieces);
        bool begins = client.IsLogged && old is not { IsLogged: true };
        if (begins && ClearsByHand && BeginsDirty) client.BeginDirty();
        _slots[region.slot] = client;
        Show();
        return 0;
    }

    /// <summary>True when bytes from a guest-physical address on lie in one slot.</summary>
    public bool Contains(ulong address, ulong length) =>
        _slots.Values.Any(slot => address >= slot.Start && address < slot.End && slot.End - address >= length);

    /// <summary>True when the guest's access meets memory that is not there where the client says it is. Any thread.</summary>
    public bool IsHole(ulong address, bool isWrite)
    {
        foreach (ClientSlot slot in Volatile.Read(ref _holed))
        {
            if (slot.IsHole(address, isWrite)) return true;
        }

        return false;
    }

    /// <summary>Looks again for memory that was missing.</summary>
    /// <returns>True when some has come.</returns>
    public bool FillHoles(IAccelerator accelerator)
    {
        bool found = false;
        foreach (ClientSlot slot in _holed)
        {
            ClientSlot filled = new(slot.Region, Build(slot.Region));
            if (filled.Pieces.Count == slot.Pieces.Count && filled.Pieces.Zip(slot.Pieces).All(static pair => IsSame(pair.First, pair.Second))) continue;
            filled.TakeLog(slot, accelerator);
            accelerator.OnSlotsChanged(slot.Pieces, filled.Pieces);
            _slots[slot.Region.slot] = filled;
            found = true;
        }

        if (found) Show();
        return found;
    }

    /// <summary>KVM_GET_DIRTY_LOG.</summary>
    /// <returns>0; -ENOENT without such a slot or its log, -EINVAL for a number of none, -EFAULT for memory that isn't there.</returns>
    public int GetDirtyLog(in kvm_dirty_log log, IAccelerator accelerator)
    {
        if (log.slot >= Limit) return -Errno.EINVAL;
        if (!_slots.TryGetValue(log.slot, out ClientSlot? slot) || !slot.IsLogged) return -Errno.ENOENT;
        return ClientMemory.Write(log.dirty_bitmap, MemoryMarshal.AsBytes(slot.Read(accelerator, clears: !ClearsByHand).AsSpan()));
    }

    /// <summary>KVM_CLEAR_DIRTY_LOG.</summary>
    /// <returns>0; -EINVAL for a range that isn't the slot's; -ENOENT or -EFAULT as for <see cref="GetDirtyLog"/>.</returns>
    public int ClearDirtyLog(in kvm_clear_dirty_log log)
    {
        if (log.slot >= Limit || !ClientSlot.IsAligned(log.first_page)) return -Errno.EINVAL;
        if (!_slots.TryGetValue(log.slot, out ClientSlot? slot) || !slot.IsLogged) return -Errno.ENOENT;
        if (!slot.IsRange(log.first_page, log.num_pages)) return -Errno.EINVAL;
        ulong[] bitmap = new ulong[(log.num_pages + 63) / 64];
        int error = ClientMemory.Read(log.dirty_bitmap, MemoryMarshal.AsBytes(bitmap.AsSpan()));
        if (error == 0) slot.Clear(log.first_page, log.num_pages, bitmap);
        return error;
    }

    private int Delete(ClientSlot? old, IAccelerator accelerator)
    {
        if (old is null) return -Errno.EINVAL;
        accelerator.OnSlotsChanged(old.Pieces, []);
        _slots.Remove(old.Region.slot);

        // What no slot shows any more may be unmapped, and be something else when one does again.
        _known.RemoveAll(known => !_slots.Values.Any(slot => IsWithin(slot.Region, known)));
        Show();
        return 0;
    }

    private static bool IsWithin(in kvm_userspace_memory_region region, (ulong Start, ulong End) known) =>
        region.userspace_addr < known.End && region.userspace_addr + region.memory_size > known.Start;

    private static bool IsSame(MemorySlot one, MemorySlot other) => one.Start == other.Start && one.Size == other.Size && one.Flags == other.Flags;

    // What of a slot's memory is there, as slots of the CPU.
    private MemorySlot[] Build(in kvm_userspace_memory_region region)
    {
        ulong start = region.userspace_addr;
        ulong end = start + region.memory_size;
        if (_known.Exists(known => known.Start <= start && known.End >= end)) return [Borrow((int)region.slot, region, new MappedRange(start, end, IsWritable: true))];
        List<MappedRange> ranges = MappedRanges.Within(start, region.memory_size);
        bool isWhole = ranges.Count == 1 && ranges[0].Start == start && ranges[0].End == end && (ranges[0].IsWritable || (region.flags & ReadOnly) != 0);
        if (isWhole && ranges[0].IsWritable) _known.Add((start, end));
        MemorySlot[] pieces = new MemorySlot[ranges.Count];
        for (int i = 0; i < pieces.Length; i++) pieces[i] = Borrow(isWhole ? (int)region.slot : _pieces++, region, ranges[i]);
        return pieces;
    }

    private static MemorySlot Borrow(int id, in kvm_userspace_memory_region region, MappedRange range)
    {
        MemorySlotFlags flags = (MemorySlotFlags)region.flags | (range.IsWritable ? 0 : MemorySlotFlags.ReadOnly);
        Gpa address = new(region.guest_phys_addr + (range.Start - region.userspace_addr));
        return MemorySlot.Borrow(id, "client", address, HostMapping.Borrow((nint)range.Start, range.End - range.Start), flags);
    }

    // The same memory at another address or with other flags. What it is to the CPU is known by its mapping, which stays.
    private static MemorySlot[] Move(ClientSlot old, in kvm_userspace_memory_region region)
    {
        MemorySlot[] pieces = new MemorySlot[old.Pieces.Count];
        for (int i = 0; i < pieces.Length; i++)
        {
            MemorySlot piece = old.Pieces[i];
            Gpa address = new(region.guest_phys_addr + (piece.Start.Value - old.Start));
            MemorySlotFlags flags = (MemorySlotFlags)region.flags | (piece.Flags & MemorySlotFlags.ReadOnly);
            pieces[i] = MemorySlot.Borrow(piece.Id, "client", address, piece.Host, flags);
        }

        return pieces;
    }

    private void Show()
    {
        Volatile.Write(ref _shown, [.. Slots.OrderBy(static slot => slot.Start.Value)]);
        Volatile.Write(ref _holed, [.. _slots.Values.Where(static slot => !slot.IsWhole)]);
    }
}
