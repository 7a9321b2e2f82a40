using Vitrine.Accelerators.Kvm;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Kvm.Watch;

/// <summary>A machine of the client's, and its memory as the client has given it (KVM_SET_USER_MEMORY_REGION).</summary>
/// <param name="number">Number in this process, from 1.</param>
/// <param name="kvm">The KVM that it was made by.</param>
internal sealed class WatchedMachine(int number, ForeignKvm kvm)
{
    private const ulong PageMask = 0xFFF;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<uint, MemorySlot> _slots = [];
    private MemorySlot[] _shown = [];

    /// <summary>Number in this process, from 1.</summary>
    public int Number => number;

    /// <summary>The KVM that it was made by.</summary>
    public ForeignKvm Kvm => kvm;

    /// <summary>The slots by ascending address. Any thread.</summary>
    public IReadOnlyList<MemorySlot> Slots => Volatile.Read(ref _shown);

    /// <summary>KVM has taken a region.</summary>
    public void Set(in kvm_userspace_memory_region region)
    {
        lock (_lock)
        {
            _slots.Remove(region.slot);
            bool isPages = ((region.memory_size | region.guest_phys_addr | region.userspace_addr) & PageMask) == 0;
            if (region.memory_size != 0 && isPages)
            {
                MemorySlotFlags flags = (MemorySlotFlags)region.flags & (MemorySlotFlags.LogDirtyPages | MemorySlotFlags.ReadOnly);
                HostMapping memory = HostMapping.Borrow((nint)region.userspace_addr, region.memory_size);
                _slots[region.slot] = MemorySlot.Borrow((int)region.slot, "client", new Gpa(region.guest_phys_addr), memory, flags);
            }

            // The number of the address space is in its upper half: system-management mode's own memory is not what a guest starts from.
            Volatile.Write(ref _shown, [.. _slots.Where(static slot => slot.Key <= ushort.MaxValue).Select(static slot => slot.Value).OrderBy(static slot => slot.Start.Value)]);
        }
    }
}
