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
    private MemorySlot[] _shown = [];

    /// <summary>The same, by ascending address, for who has not the machine's lock: what is replaced as a whole needs none. Any thread.</summary>
    public IReadOnlyList<MemorySlot> Shown => Volatile.Read(ref _shown);

    /// <summary>The slots as the CPU has them.</summary>
    public IEnumerable<MemorySlot> Slots => _slots.Values.Select(static slot => slot.Slot);

    /// <summary>KVM_CLEAR_DIRTY_LOG clears, and KVM_GET_DIRTY_LOG doesn't (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2).</summary>
    public bool ClearsByHand { get; set; }

    /// <summary>A slot that begins to be logged is dirty as a whole (KVM_DIRTY_LOG_INITIALLY_SET).</summary>
    public bool BeginsDirty { get; set; }

    /// <summary>Makes, moves, changes or deletes a slot.</summary>
    /// <returns>0; -EINVAL for what no slot can be, -EEXIST where another one is, -EFAULT for memory that isn't mapped.</returns>
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
            bool apart = region.guest_phys_addr >= other.Slot.End.Value || region.guest_phys_addr + region.memory_size <= other.Slot.Start.Value;
            if (!apart) return -Errno.EEXIST;
        }

        // The kernel would tell only when the guest gets there. Here the guest's accesses are the client's own.
        if (old is null && !Libc.IsMapped(region.userspace_addr, region.memory_size)) return -Errno.EFAULT;
        HostMapping memory = old?.Slot.Host ?? HostMapping.Borrow((nint)region.userspace_addr, region.memory_size);
        MemorySlot slot = MemorySlot.Borrow(
            (int)region.slot, "client", new Gpa(region.guest_phys_addr), memory, (MemorySlotFlags)region.flags);
        accelerator.OnSlotsChanged(old is null ? [] : [old.Slot], [slot]);
        ClientSlot client = new(region, slot);
        bool begins = client.IsLogged && old is not { IsLogged: true };
        if (begins && ClearsByHand && BeginsDirty) client.BeginDirty();
        _slots[region.slot] = client;
        Show();
        return 0;
    }

    /// <summary>True when bytes from a guest-physical address on lie in one slot.</summary>
    public bool Contains(ulong address, ulong length) =>
        _slots.Values.Any(slot => slot.Slot.Contains(new Gpa(address)) && slot.Slot.End.Value - address >= length);

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
        accelerator.RemoveMemorySlot(old.Slot);
        _slots.Remove(old.Region.slot);
        Show();
        return 0;
    }

    private void Show() => Volatile.Write(ref _shown, [.. Slots.OrderBy(static slot => slot.Start.Value)]);
}
