using Vitrine.Accelerators.Kvm.Native;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>Names of ioctl numbers, for messages. The same number has different names on different descriptors.</summary>
internal static class KvmIoctlName
{
    /// <summary>The name in &lt;linux/kvm.h&gt;, or the number where it has none.</summary>
    public static string Of(KvmDescriptorKind kind, uint request) => kind switch
    {
        KvmDescriptorKind.System => OfSystem(request),
        KvmDescriptorKind.Vm => OfVm(request),
        _ => OfVcpu(request),
    };

    private static string OfSystem(uint request) => request switch
    {
        KvmIoctl.KVM_GET_API_VERSION => nameof(KvmIoctl.KVM_GET_API_VERSION),
        KvmIoctl.KVM_CREATE_VM => nameof(KvmIoctl.KVM_CREATE_VM),
        KvmIoctl.KVM_GET_MSR_INDEX_LIST => nameof(KvmIoctl.KVM_GET_MSR_INDEX_LIST),
        KvmIoctl.KVM_CHECK_EXTENSION => nameof(KvmIoctl.KVM_CHECK_EXTENSION),
        KvmIoctl.KVM_GET_VCPU_MMAP_SIZE => nameof(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE),
        KvmIoctl.KVM_GET_SUPPORTED_CPUID => nameof(KvmIoctl.KVM_GET_SUPPORTED_CPUID),
        KvmIoctl.KVM_GET_EMULATED_CPUID => nameof(KvmIoctl.KVM_GET_EMULATED_CPUID),
        KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST => nameof(KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST),
        KvmIoctl.KVM_X86_GET_MCE_CAP_SUPPORTED => nameof(KvmIoctl.KVM_X86_GET_MCE_CAP_SUPPORTED),
        KvmIoctl.KVM_GET_SUPPORTED_HV_CPUID => nameof(KvmIoctl.KVM_GET_SUPPORTED_HV_CPUID),
        // Feature MSRs are read on the system descriptor.
        KvmIoctl.KVM_GET_MSRS => nameof(KvmIoctl.KVM_GET_MSRS),
        KvmIoctl.KVM_GET_DEVICE_ATTR => nameof(KvmIoctl.KVM_GET_DEVICE_ATTR),
        _ => Number(request),
    };

    private static string OfVm(uint request) => request switch
    {
        KvmIoctl.KVM_CHECK_EXTENSION => nameof(KvmIoctl.KVM_CHECK_EXTENSION),
        KvmIoctl.KVM_CREATE_VCPU => nameof(KvmIoctl.KVM_CREATE_VCPU),
        KvmIoctl.KVM_GET_DIRTY_LOG => nameof(KvmIoctl.KVM_GET_DIRTY_LOG),
        KvmIoctl.KVM_CLEAR_DIRTY_LOG => nameof(KvmIoctl.KVM_CLEAR_DIRTY_LOG),
        KvmIoctl.KVM_RESET_DIRTY_RINGS => nameof(KvmIoctl.KVM_RESET_DIRTY_RINGS),
        KvmIoctl.KVM_SET_NR_MMU_PAGES => nameof(KvmIoctl.KVM_SET_NR_MMU_PAGES),
        KvmIoctl.KVM_GET_NR_MMU_PAGES => nameof(KvmIoctl.KVM_GET_NR_MMU_PAGES),
        KvmIoctl.KVM_SET_USER_MEMORY_REGION => nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION),
        KvmIoctl.KVM_SET_TSS_ADDR => nameof(KvmIoctl.KVM_SET_TSS_ADDR),
        KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR => nameof(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR),
        KvmIoctl.KVM_CREATE_IRQCHIP => nameof(KvmIoctl.KVM_CREATE_IRQCHIP),
        KvmIoctl.KVM_IRQ_LINE => nameof(KvmIoctl.KVM_IRQ_LINE),
        KvmIoctl.KVM_IRQ_LINE_STATUS => nameof(KvmIoctl.KVM_IRQ_LINE_STATUS),
        KvmIoctl.KVM_GET_IRQCHIP => nameof(KvmIoctl.KVM_GET_IRQCHIP),
        KvmIoctl.KVM_SET_IRQCHIP => nameof(KvmIoctl.KVM_SET_IRQCHIP),
        KvmIoctl.KVM_CREATE_PIT => nameof(KvmIoctl.KVM_CREATE_PIT),
        KvmIoctl.KVM_CREATE_PIT2 => nameof(KvmIoctl.KVM_CREATE_PIT2),
        KvmIoctl.KVM_GET_PIT2 => nameof(KvmIoctl.KVM_GET_PIT2),
        KvmIoctl.KVM_SET_PIT2 => nameof(KvmIoctl.KVM_SET_PIT2),
        KvmIoctl.KVM_REINJECT_CONTROL => nameof(KvmIoctl.KVM_REINJECT_CONTROL),
        KvmIoctl.KVM_SET_BOOT_CPU_ID => nameof(KvmIoctl.KVM_SET_BOOT_CPU_ID),
        KvmIoctl.KVM_REGISTER_COALESCED_MMIO => nameof(KvmIoctl.KVM_REGISTER_COALESCED_MMIO),
        KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO => nameof(KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO),
        KvmIoctl.KVM_SET_GSI_ROUTING => nameof(KvmIoctl.KVM_SET_GSI_ROUTING),
        KvmIoctl.KVM_IRQFD => nameof(KvmIoctl.KVM_IRQFD),
        KvmIoctl.KVM_IOEVENTFD => nameof(KvmIoctl.KVM_IOEVENTFD),
        KvmIoctl.KVM_SIGNAL_MSI => nameof(KvmIoctl.KVM_SIGNAL_MSI),
        KvmIoctl.KVM_SET_CLOCK => nameof(KvmIoctl.KVM_SET_CLOCK),
        KvmIoctl.KVM_GET_CLOCK => nameof(KvmIoctl.KVM_GET_CLOCK),
        KvmIoctl.KVM_SET_TSC_KHZ => nameof(KvmIoctl.KVM_SET_TSC_KHZ),
        KvmIoctl.KVM_GET_TSC_KHZ => nameof(KvmIoctl.KVM_GET_TSC_KHZ),
        KvmIoctl.KVM_CREATE_DEVICE => nameof(KvmIoctl.KVM_CREATE_DEVICE),
        KvmIoctl.KVM_SET_DEVICE_ATTR => nameof(KvmIoctl.KVM_SET_DEVICE_ATTR),
        KvmIoctl.KVM_GET_DEVICE_ATTR => nameof(KvmIoctl.KVM_GET_DEVICE_ATTR),
        KvmIoctl.KVM_HAS_DEVICE_ATTR => nameof(KvmIoctl.KVM_HAS_DEVICE_ATTR),
        KvmIoctl.KVM_X86_SET_MSR_FILTER => nameof(KvmIoctl.KVM_X86_SET_MSR_FILTER),
        KvmIoctl.KVM_SET_PMU_EVENT_FILTER => nameof(KvmIoctl.KVM_SET_PMU_EVENT_FILTER),
        KvmIoctl.KVM_ENABLE_CAP => nameof(KvmIoctl.KVM_ENABLE_CAP),
        KvmIoctl.KVM_GET_STATS_FD => nameof(KvmIoctl.KVM_GET_STATS_FD),
        KvmIoctl.KVM_MEMORY_ENCRYPT_OP => nameof(KvmIoctl.KVM_MEMORY_ENCRYPT_OP),
        KvmIoctl.KVM_XEN_HVM_CONFIG => nameof(KvmIoctl.KVM_XEN_HVM_CONFIG),
        KvmIoctl.KVM_SET_USER_MEMORY_REGION2 => nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION2),
        KvmIoctl.KVM_SET_MEMORY_ATTRIBUTES => nameof(KvmIoctl.KVM_SET_MEMORY_ATTRIBUTES),
        KvmIoctl.KVM_CREATE_GUEST_MEMFD => nameof(KvmIoctl.KVM_CREATE_GUEST_MEMFD),
        _ => Number(request),
    };

    private static string OfVcpu(uint request) => request switch
    {
        KvmIoctl.KVM_ENABLE_CAP => nameof(KvmIoctl.KVM_ENABLE_CAP),
        KvmIoctl.KVM_GET_TSC_KHZ => nameof(KvmIoctl.KVM_GET_TSC_KHZ),
        KvmIoctl.KVM_SET_TSC_KHZ => nameof(KvmIoctl.KVM_SET_TSC_KHZ),
        KvmIoctl.KVM_RUN => nameof(KvmIoctl.KVM_RUN),
        KvmIoctl.KVM_GET_REGS => nameof(KvmIoctl.KVM_GET_REGS),
        KvmIoctl.KVM_SET_REGS => nameof(KvmIoctl.KVM_SET_REGS),
        KvmIoctl.KVM_GET_SREGS => nameof(KvmIoctl.KVM_GET_SREGS),
        KvmIoctl.KVM_SET_SREGS => nameof(KvmIoctl.KVM_SET_SREGS),
        KvmIoctl.KVM_GET_SREGS2 => nameof(KvmIoctl.KVM_GET_SREGS2),
        KvmIoctl.KVM_SET_SREGS2 => nameof(KvmIoctl.KVM_SET_SREGS2),
        KvmIoctl.KVM_TRANSLATE => nameof(KvmIoctl.KVM_TRANSLATE),
        KvmIoctl.KVM_INTERRUPT => nameof(KvmIoctl.KVM_INTERRUPT),
        KvmIoctl.KVM_GET_MSRS => nameof(KvmIoctl.KVM_GET_MSRS),
        KvmIoctl.KVM_SET_MSRS => nameof(KvmIoctl.KVM_SET_MSRS),
        KvmIoctl.KVM_SET_CPUID => nameof(KvmIoctl.KVM_SET_CPUID),
        KvmIoctl.KVM_SET_CPUID2 => nameof(KvmIoctl.KVM_SET_CPUID2),
        KvmIoctl.KVM_GET_CPUID2 => nameof(KvmIoctl.KVM_GET_CPUID2),
        KvmIoctl.KVM_SET_SIGNAL_MASK => nameof(KvmIoctl.KVM_SET_SIGNAL_MASK),
        KvmIoctl.KVM_GET_FPU => nameof(KvmIoctl.KVM_GET_FPU),
        KvmIoctl.KVM_SET_FPU => nameof(KvmIoctl.KVM_SET_FPU),
        KvmIoctl.KVM_GET_LAPIC => nameof(KvmIoctl.KVM_GET_LAPIC),
        KvmIoctl.KVM_SET_LAPIC => nameof(KvmIoctl.KVM_SET_LAPIC),
        KvmIoctl.KVM_TPR_ACCESS_REPORTING => nameof(KvmIoctl.KVM_TPR_ACCESS_REPORTING),
        KvmIoctl.KVM_SET_VAPIC_ADDR => nameof(KvmIoctl.KVM_SET_VAPIC_ADDR),
        KvmIoctl.KVM_GET_MP_STATE => nameof(KvmIoctl.KVM_GET_MP_STATE),
        KvmIoctl.KVM_SET_MP_STATE => nameof(KvmIoctl.KVM_SET_MP_STATE),
        KvmIoctl.KVM_NMI => nameof(KvmIoctl.KVM_NMI),
        KvmIoctl.KVM_SMI => nameof(KvmIoctl.KVM_SMI),
        KvmIoctl.KVM_SET_GUEST_DEBUG => nameof(KvmIoctl.KVM_SET_GUEST_DEBUG),
        KvmIoctl.KVM_X86_SETUP_MCE => nameof(KvmIoctl.KVM_X86_SETUP_MCE),
        KvmIoctl.KVM_X86_SET_MCE => nameof(KvmIoctl.KVM_X86_SET_MCE),
        KvmIoctl.KVM_GET_VCPU_EVENTS => nameof(KvmIoctl.KVM_GET_VCPU_EVENTS),
        KvmIoctl.KVM_SET_VCPU_EVENTS => nameof(KvmIoctl.KVM_SET_VCPU_EVENTS),
        KvmIoctl.KVM_GET_DEBUGREGS => nameof(KvmIoctl.KVM_GET_DEBUGREGS),
        KvmIoctl.KVM_SET_DEBUGREGS => nameof(KvmIoctl.KVM_SET_DEBUGREGS),
        KvmIoctl.KVM_GET_XSAVE => nameof(KvmIoctl.KVM_GET_XSAVE),
        KvmIoctl.KVM_SET_XSAVE => nameof(KvmIoctl.KVM_SET_XSAVE),
        KvmIoctl.KVM_GET_XSAVE2 => nameof(KvmIoctl.KVM_GET_XSAVE2),
        KvmIoctl.KVM_GET_XCRS => nameof(KvmIoctl.KVM_GET_XCRS),
        KvmIoctl.KVM_SET_XCRS => nameof(KvmIoctl.KVM_SET_XCRS),
        KvmIoctl.KVM_KVMCLOCK_CTRL => nameof(KvmIoctl.KVM_KVMCLOCK_CTRL),
        KvmIoctl.KVM_GET_NESTED_STATE => nameof(KvmIoctl.KVM_GET_NESTED_STATE),
        KvmIoctl.KVM_SET_NESTED_STATE => nameof(KvmIoctl.KVM_SET_NESTED_STATE),
        KvmIoctl.KVM_GET_ONE_REG => nameof(KvmIoctl.KVM_GET_ONE_REG),
        KvmIoctl.KVM_SET_ONE_REG => nameof(KvmIoctl.KVM_SET_ONE_REG),
        KvmIoctl.KVM_PRE_FAULT_MEMORY => nameof(KvmIoctl.KVM_PRE_FAULT_MEMORY),
        _ => Number(request),
    };

    private static string Number(uint request) => $"ioctl 0x{request:x8}";
}
