using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;

namespace Vitrine.KvmServer.Capabilities;

/// <summary>KVM_CHECK_EXTENSION: what this KVM has beyond the first version of the ABI. What is not here is not there.</summary>
internal static class Extensions
{
    /// <summary>What KVM_CHECK_EXTENSION answers.</summary>
    /// <returns>0 for what is not there; 1, a number or flags for what is.</returns>
    public static int Check(ulong extension)
    {
        switch (extension)
        {
            case KvmCap.KVM_CAP_IRQCHIP or KvmCap.KVM_CAP_HLT or KvmCap.KVM_CAP_USER_MEMORY or KvmCap.KVM_CAP_SET_TSS_ADDR or KvmCap.KVM_CAP_VAPIC:
            case KvmCap.KVM_CAP_EXT_CPUID or KvmCap.KVM_CAP_CLOCKSOURCE or KvmCap.KVM_CAP_PIT or KvmCap.KVM_CAP_NOP_IO_DELAY or KvmCap.KVM_CAP_MP_STATE:
            case KvmCap.KVM_CAP_SYNC_MMU or KvmCap.KVM_CAP_DESTROY_MEMORY_REGION_WORKS or KvmCap.KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
            case KvmCap.KVM_CAP_USER_NMI or KvmCap.KVM_CAP_SET_GUEST_DEBUG or KvmCap.KVM_CAP_REINJECT_CONTROL or KvmCap.KVM_CAP_IRQ_INJECT_STATUS:
            case KvmCap.KVM_CAP_IRQFD or KvmCap.KVM_CAP_IRQFD_RESAMPLE or KvmCap.KVM_CAP_IOEVENTFD or KvmCap.KVM_CAP_IOEVENTFD_NO_LENGTH:
            case KvmCap.KVM_CAP_IOEVENTFD_ANY_LENGTH or KvmCap.KVM_CAP_SIGNAL_MSI or KvmCap.KVM_CAP_PIT2 or KvmCap.KVM_CAP_PIT_STATE2:
            case KvmCap.KVM_CAP_SET_BOOT_CPU_ID or KvmCap.KVM_CAP_SET_IDENTITY_MAP_ADDR or KvmCap.KVM_CAP_SPLIT_IRQCHIP:
            case KvmCap.KVM_CAP_VCPU_EVENTS or KvmCap.KVM_CAP_DEBUGREGS or KvmCap.KVM_CAP_X86_ROBUST_SINGLESTEP or KvmCap.KVM_CAP_XCRS:
            case KvmCap.KVM_CAP_XSAVE or KvmCap.KVM_CAP_SREGS2 or KvmCap.KVM_CAP_GET_TSC_KHZ or KvmCap.KVM_CAP_TSC_DEADLINE_TIMER:
            case KvmCap.KVM_CAP_KVMCLOCK_CTRL or KvmCap.KVM_CAP_READONLY_MEM or KvmCap.KVM_CAP_ENABLE_CAP_VM or KvmCap.KVM_CAP_CHECK_EXTENSION_VM:
            case KvmCap.KVM_CAP_IMMEDIATE_EXIT or KvmCap.KVM_CAP_GET_MSR_FEATURES or KvmCap.KVM_CAP_X86_MSR_FILTER or KvmCap.KVM_CAP_INTERNAL_ERROR_DATA:
            case KvmCap.KVM_CAP_X86_USER_SPACE_MSR or KvmCap.KVM_CAP_SYS_ATTRIBUTES or KvmCap.KVM_CAP_EXCEPTION_PAYLOAD:
            case KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT or KvmCap.KVM_CAP_BINARY_STATS_FD:
                return 1;
            case KvmCap.KVM_CAP_SYNC_REGS:
                return (int)SharedRegisterMask;
            case KvmCap.KVM_CAP_COALESCED_MMIO:
                return VcpuPages.CoalescedPage;
            case KvmCap.KVM_CAP_COALESCED_PIO:
                return 1;
            case KvmCap.KVM_CAP_IRQ_ROUTING:
                return Routes;
            case KvmCap.KVM_CAP_NR_VCPUS:
                return Math.Min(Environment.ProcessorCount, SoftwareAccelerator.VcpuLimit);
            case KvmCap.KVM_CAP_MAX_VCPUS or KvmCap.KVM_CAP_MAX_VCPU_ID:
                return SoftwareAccelerator.VcpuLimit;
            case KvmCap.KVM_CAP_NR_MEMSLOTS:
                return ClientSlots.Limit;
            case KvmCap.KVM_CAP_MCE:
                return MachineCheck.Banks;
            case KvmCap.KVM_CAP_ADJUST_CLOCK:
                return (int)(KvmConstants.KVM_CLOCK_TSC_STABLE | KvmConstants.KVM_CLOCK_REALTIME);
            case KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
                return (int)(KvmConstants.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KvmConstants.KVM_DIRTY_LOG_INITIALLY_SET);
            case KvmCap.KVM_CAP_DISABLE_QUIRKS:
                return 1;
            case KvmCap.KVM_CAP_DISABLE_QUIRKS2:
                return (int)KvmConstants.KVM_X86_QUIRK_OUT_7E_INC_RIP;
            case KvmCap.KVM_CAP_XSAVE2:
                return XsaveBytes;
            case KvmCap.KVM_CAP_SET_GUEST_DEBUG2:
                return (int)GuestDebugMask;
            case KvmCap.KVM_CAP_X2APIC_API:
                return (int)(KvmConstants.KVM_X2APIC_API_USE_32BIT_IDS | KvmConstants.KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
            default:
                return 0;
        }
    }

    /// <summary>Interrupt routes that a machine may have (KVM_MAX_IRQ_ROUTES).</summary>
    public const int Routes = 4096;

    /// <summary>Bytes of the area that KVM_GET_XSAVE2 writes: no state beyond the 4 KiB of KVM_GET_XSAVE is carried.</summary>
    public const int XsaveBytes = 4096;

    /// <summary>Reasons for which an MSR access can come to user space.</summary>
    public const uint MsrExitMask = 7;

    /// <summary>Registers that can be put and read in the page of a vCPU: general ones, special ones, events.</summary>
    public const uint SharedRegisterMask = 7;

    /// <summary>Flags that KVM_SET_GUEST_DEBUG takes.</summary>
    public const uint GuestDebugMask = KvmConstants.KVM_GUESTDBG_ENABLE | KvmConstants.KVM_GUESTDBG_SINGLESTEP | KvmConstants.KVM_GUESTDBG_USE_SW_BP |
        KvmConstants.KVM_GUESTDBG_USE_HW_BP | KvmConstants.KVM_GUESTDBG_INJECT_DB | KvmConstants.KVM_GUESTDBG_INJECT_BP | KvmConstants.KVM_GUESTDBG_BLOCKIRQ;
}
