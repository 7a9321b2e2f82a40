using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;

namespace Vitrine.Kvm.Trace;

/// <summary>The ioctls of a virtual machine.</summary>
internal static class VmCalls
{
    /// <summary>See <see cref="IoctlDecoder.TryDecode"/>.</summary>
    public static bool TryDecode(in IoctlCall call, long result, CallArguments to, ref string? text)
    {
        switch (call.Request)
        {
            case KvmIoctl.KVM_CREATE_IRQCHIP or KvmIoctl.KVM_GET_TSC_KHZ or KvmIoctl.KVM_GET_NR_MMU_PAGES or KvmIoctl.KVM_CREATE_PIT: return true;
            case KvmIoctl.KVM_GET_STATS_FD: text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_CHECK_EXTENSION: to.Add("capability", KvmCapName.Of(call.Argument)); return true;
            case KvmIoctl.KVM_CREATE_VCPU: to.Number("id", (long)call.Argument); text = ResultText.Descriptor(result); return true;
            case KvmIoctl.KVM_SET_BOOT_CPU_ID: to.Number("id", (long)call.Argument); return true;
            case KvmIoctl.KVM_SET_NR_MMU_PAGES: to.Number("pages", (long)call.Argument); return true;
            case KvmIoctl.KVM_SET_TSC_KHZ: to.Number("kHz", (long)call.Argument); return true;
            case KvmIoctl.KVM_SET_TSS_ADDR: to.Hex("address", call.Argument); return true;
            case KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR: return MemoryWords.IdentityMap(call, to);
            case KvmIoctl.KVM_SET_USER_MEMORY_REGION: return MemoryWords.Region(call, to);
            case KvmIoctl.KVM_GET_DIRTY_LOG: return MemoryWords.DirtyLog(call, to);
            case KvmIoctl.KVM_CLEAR_DIRTY_LOG: return MemoryWords.ClearDirtyLog(call, to);
            case KvmIoctl.KVM_REGISTER_COALESCED_MMIO or KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO: return MemoryWords.CoalescedZone(call, to);
            case KvmIoctl.KVM_IRQ_LINE or KvmIoctl.KVM_IRQ_LINE_STATUS: return InterruptWords.Line(call, result, to);
            case KvmIoctl.KVM_SIGNAL_MSI: return InterruptWords.Message(call, to);
            case KvmIoctl.KVM_SET_GSI_ROUTING: return InterruptWords.Routes(call, to);
            case KvmIoctl.KVM_IRQFD: return InterruptWords.EventToLine(call, to);
            case KvmIoctl.KVM_IOEVENTFD: return InterruptWords.AccessToEvent(call, to);
            case KvmIoctl.KVM_CREATE_PIT2: return InterruptWords.PitConfiguration(call, to);
            case KvmIoctl.KVM_REINJECT_CONTROL: return InterruptWords.Reinjection(call, to);
            case KvmIoctl.KVM_GET_IRQCHIP or KvmIoctl.KVM_SET_IRQCHIP: return InterruptWords.Chip(call, to);
            case KvmIoctl.KVM_GET_PIT or KvmIoctl.KVM_SET_PIT: return InterruptWords.PitChannels(call, to);
            case KvmIoctl.KVM_GET_PIT2 or KvmIoctl.KVM_SET_PIT2: return InterruptWords.Pit(call, to);
            case KvmIoctl.KVM_GET_CLOCK or KvmIoctl.KVM_SET_CLOCK: return MachineWords.Clock(call, to);
            case KvmIoctl.KVM_ENABLE_CAP: return MachineWords.EnableCap(call, to);
            case KvmIoctl.KVM_CREATE_DEVICE: return MachineWords.Device(call, to);
            case KvmIoctl.KVM_SET_DEVICE_ATTR or KvmIoctl.KVM_GET_DEVICE_ATTR or KvmIoctl.KVM_HAS_DEVICE_ATTR: return MachineWords.DeviceAttribute(call, to);
            case KvmIoctl.KVM_X86_SET_MSR_FILTER: return MachineWords.MsrFilter(call, to);
            default: return false;
        }
    }
}
