using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Kvm.Vm;

/// <summary>The memory slots that KVM knows. The host memory of each stays mapped until KVM has let go of it.</summary>
internal sealed unsafe class KvmMemorySlots
{
    private const int PagesPerElement = 64;
    private const int PageShift = Page.Shift;

    private readonly KvmVmHandle _vm;
    private readonly int _limit;
    private readonly bool _manualProtect;
    private readonly Dictionary<int, MemorySlot> _slots = [];
    private readonly Lock _lock = new();

    // By slot number, of slots that log. Replaced as a whole, so that a write of a device needs no lock.
    private volatile KeyValuePair<int, UserDirtyLog>[] _userLogs = [];

    public KvmMemorySlots(KvmVmHandle vm, KvmCapabilities capabilities)
    {
        _vm = vm;
        _limit = Math.Max(capabilities[KvmCap.KVM_CAP_NR_MEMSLOTS], 32);
        _manualProtect = capabilities.Has(KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);

        // Reading the log then leaves the pages writable, and clearing it protects only those that were found dirty.
        if (_manualProtect) vm.Enable(KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KvmConstants.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
    }

    public void Set(MemorySlot slot)
    {
        lock (_lock)
        {
            if (slot.Id >= _limit)
            {
                throw VitrineException.Host(
                    ErrorCode.KvmSlotLimit,
                    $"Memory slot '{slot.Name}' has number {slot.Id}, where KVM allows {_limit} slots.",
                    "The machine maps memory in too many pieces.",
                    "Use fewer slots.").With("slot", slot.Id).With("maximum", _limit);
            }

            // KVM changes neither the READONLY flag nor the host address of a slot that exists.
            bool known = _slots.TryGetValue(slot.Id, out MemorySlot? old);
            if (known && (old!.ReadOnly != slot.ReadOnly || old.Pointer != slot.Pointer || old.Size != slot.Size))
            {
                Delete(old);
                known = false;
            }

            Tell(slot, slot.Size);
            if (!known)
            {
                bool added = false;
                slot.Host.DangerousAddRef(ref added);
            }

            _slots[slot.Id] = slot;
            ForgetUserLog(slot.Id);
            if ((slot.Flags & MemorySlotFlags.LogDirtyPages) != 0) _userLogs = [.. _userLogs, new(slot.Id, new UserDirtyLog(slot))];
        }
    }

    /// <summary>A device or a tool has written host memory: the dirty logs of all slots that show it have to say so. Any thread.</summary>
    public void NoteWritten(byte* host, ulong length)
    {
        foreach ((_, UserDirtyLog log) in _userLogs) log.Mark(host, length);
    }

    public void Remove(MemorySlot slot)
    {
        lock (_lock)
        {
            if (_slots.TryGetValue(slot.Id, out MemorySlot? known)) Delete(known);
        }
    }

    /// <summary>Reads and clears the dirty log.</summary>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        ulong pages = slot.Size >> PageShift;
        ulong elements = (pages + PagesPerElement - 1) / PagesPerElement;
        ArgumentOutOfRangeException.ThrowIfLessThan((ulong)bitmap.Length, elements, nameof(bitmap));

        // SAFETY: the bitmap was just checked to have a bit for each page, rounded up to 64, which is what KVM writes and reads.
        fixed (ulong* bits = bitmap)
        {
            var log = new kvm_dirty_log { slot = (uint)slot.Id, dirty_bitmap = (ulong)bits };
            _vm.Call(KvmIoctl.KVM_GET_DIRTY_LOG, ref log);
            if (_manualProtect && bitmap[..(int)elements].ContainsAnyExcept(0UL))
            {
                var clear = new kvm_clear_dirty_log { slot = (uint)slot.Id, num_pages = (uint)pages, dirty_bitmap = (ulong)bits };
                _vm.Call(KvmIoctl.KVM_CLEAR_DIRTY_LOG, ref clear);
            }
        }

        foreach ((int id, UserDirtyLog user) in _userLogs)
        {
            if (id == slot.Id) user.TakeInto(bitmap);
        }
    }

    /// <summary>Lets go of the host memory; the machine is gone.</summary>
    public void Release()
    {
        lock (_lock)
        {
            foreach (MemorySlot slot in _slots.Values) slot.Host.DangerousRelease();
            _slots.Clear();
        }
    }

    private void Delete(MemorySlot slot)
    {
        Tell(slot, 0);
        _slots.Remove(slot.Id);
        ForgetUserLog(slot.Id);
        slot.Host.DangerousRelease();
    }

    private void ForgetUserLog(int slot)
    {
        if (_userLogs.Length != 0) _userLogs = [.. _userLogs.Where(log => log.Key != slot)];
    }

    private void Tell(MemorySlot slot, ulong size)
    {
        var region = new kvm_userspace_memory_region
        {
            slot = (uint)slot.Id,
            flags = (uint)slot.Flags,
            guest_phys_addr = slot.Start.Value,
            memory_size = size,
            userspace_addr = (ulong)slot.Pointer,
        };
        _vm.Call(KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref region);
    }
}
