using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>Words for what a client says and asks of memory.</summary>
internal static class MemoryWords
{
    private static readonly (uint Bit, string Name)[] s_slotFlags = [(1, "KVM_MEM_LOG_DIRTY_PAGES"), (2, "KVM_MEM_READONLY"), (4, "KVM_MEM_GUEST_MEMFD")];

    public static bool Region(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_userspace_memory_region region)) return false;
        to.Number("slot", region.slot)
            .Add("flags", Flags.Of(region.flags, s_slotFlags))
            .Hex("guest_phys_addr", region.guest_phys_addr)
            .Hex("memory_size", region.memory_size)
            .Hex("userspace_addr", region.userspace_addr);
        return true;
    }

    public static bool DirtyLog(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_dirty_log log)) return false;
        to.Number("slot", log.slot);
        return true;
    }

    public static bool ClearDirtyLog(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_clear_dirty_log log)) return false;
        to.Number("slot", log.slot).Number("num_pages", log.num_pages).Number("first_page", (long)log.first_page);
        return true;
    }

    public static bool CoalescedZone(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_coalesced_mmio_zone zone)) return false;
        to.Hex("addr", zone.addr).Hex("size", zone.size).Number("pio", zone.pio);
        return true;
    }

    public static bool IdentityMap(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out ulong address)) return false;
        to.Hex("address", address);
        return true;
    }

    public static bool VirtualApic(in IoctlCall call, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_vapic_addr address)) return false;
        to.Hex("vapic_addr", address.vapic_addr);
        return true;
    }

    public static bool Translation(in IoctlCall call, bool read, CallArguments to)
    {
        if (!call.Memory.TryRead(call.Argument, out kvm_translation translation)) return false;
        to.Hex("linear_address", translation.linear_address);
        if (read) to.Hex("physical_address", translation.physical_address).Number("valid", translation.valid);
        return true;
    }
}
