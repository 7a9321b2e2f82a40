using Vitrine.Kvm.Abi;

namespace Vitrine.Explain.Served;

/// <summary>
/// Which of QEMU's functions stand behind an ioctl: known from its source (accel/kvm/kvm-all.c, target/i386/kvm/kvm.c and hw/i386/kvm of version 7.2; docs/first-instruction.md
/// has the table), so that what is told by it is derived. Names differ a little between versions.
/// </summary>
internal static class QemuFunctions
{
    /// <summary>The functions, from the outer one in.</summary>
    /// <param name="kind">What the call is made on.</param>
    /// <param name="request">The ioctl.</param>
    /// <param name="hasMachine">A virtual machine has been created.</param>
    /// <returns>Functions and their purpose; empty for a call that isn't in the table.</returns>
    public static (string Function, string Purpose) Of(KvmDescriptorKind kind, uint request, bool hasMachine) => kind switch
    {
        KvmDescriptorKind.System => OfSystem(request, hasMachine),
        KvmDescriptorKind.Vm => OfVm(request),
        _ => (OfVcpu(request), PurposeOfVcpu(request)),
    };

    /// <summary>The function that makes a call on a vCPU; empty for one that isn't in the table.</summary>
    public static string OfVcpu(uint request) => request switch
    {
        KvmIoctl.KVM_SET_CPUID2 or KvmIoctl.KVM_X86_SETUP_MCE => "kvm_init_vcpu > kvm_arch_init_vcpu",
        KvmIoctl.KVM_GET_TSC_KHZ => "kvm_init_vcpu > kvm_arch_init_vcpu",
        KvmIoctl.KVM_SET_TSC_KHZ => "kvm_arch_put_registers > kvm_arch_set_tsc_khz",
        KvmIoctl.KVM_SET_REGS => "kvm_arch_put_registers > kvm_getput_regs",
        KvmIoctl.KVM_SET_SREGS => "kvm_arch_put_registers > kvm_put_sregs",
        KvmIoctl.KVM_SET_SREGS2 => "kvm_arch_put_registers > kvm_put_sregs2",
        KvmIoctl.KVM_SET_XSAVE => "kvm_arch_put_registers > kvm_put_xsave",
        KvmIoctl.KVM_SET_FPU => "kvm_arch_put_registers > kvm_put_fpu",
        KvmIoctl.KVM_SET_XCRS => "kvm_arch_put_registers > kvm_put_xcrs",
        KvmIoctl.KVM_SET_MSRS => "kvm_arch_put_registers > kvm_put_msrs",
        KvmIoctl.KVM_SET_VCPU_EVENTS => "kvm_arch_put_registers > kvm_put_vcpu_events",
        KvmIoctl.KVM_SET_MP_STATE => "kvm_arch_put_registers > kvm_put_mp_state",
        KvmIoctl.KVM_SET_DEBUGREGS => "kvm_arch_put_registers > kvm_put_debugregs",
        KvmIoctl.KVM_SET_LAPIC => "kvm_apic_put",
        KvmIoctl.KVM_GET_REGS => "kvm_arch_get_registers > kvm_getput_regs",
        KvmIoctl.KVM_GET_SREGS => "kvm_arch_get_registers > kvm_get_sregs",
        KvmIoctl.KVM_GET_SREGS2 => "kvm_arch_get_registers > kvm_get_sregs2",
        KvmIoctl.KVM_GET_XSAVE or KvmIoctl.KVM_GET_XSAVE2 => "kvm_arch_get_registers > kvm_get_xsave",
        KvmIoctl.KVM_GET_XCRS => "kvm_arch_get_registers > kvm_get_xcrs",
        KvmIoctl.KVM_GET_MSRS => "kvm_arch_get_registers > kvm_get_msrs",
        KvmIoctl.KVM_GET_VCPU_EVENTS => "kvm_arch_get_registers > kvm_get_vcpu_events",
        KvmIoctl.KVM_GET_MP_STATE => "kvm_arch_get_registers > kvm_get_mp_state",
        KvmIoctl.KVM_GET_DEBUGREGS => "kvm_arch_get_registers > kvm_get_debugregs",
        KvmIoctl.KVM_GET_LAPIC => "kvm_arch_get_registers > kvm_get_apic",
        KvmIoctl.KVM_TPR_ACCESS_REPORTING => "kvm_apic_enable_tpr_access_reporting",
        KvmIoctl.KVM_SET_VAPIC_ADDR => "kvm_apic_vapic_base_update",
        KvmIoctl.KVM_SET_SIGNAL_MASK => "kvm_init_cpu_signals > kvm_set_signal_mask",
        KvmIoctl.KVM_SET_GUEST_DEBUG => "kvm_update_guest_debug",
        KvmIoctl.KVM_INTERRUPT or KvmIoctl.KVM_NMI => "kvm_cpu_exec > kvm_arch_pre_run",
        KvmIoctl.KVM_KVMCLOCK_CTRL => "kvmclock_vm_state_change > do_kvmclock_ctrl",
        KvmIoctl.KVM_RUN => "kvm_vcpu_thread_fn > kvm_cpu_exec",
        _ => "",
    };

    private static (string Function, string Purpose) OfSystem(uint request, bool hasMachine) => request switch
    {
        KvmIoctl.KVM_CHECK_EXTENSION when hasMachine => ("kvm_init > kvm_arch_init, devices", "asks what this KVM can do"),
        KvmIoctl.KVM_GET_API_VERSION or KvmIoctl.KVM_CHECK_EXTENSION => ("kvm_init", "asks what this KVM is and can do"),
        KvmIoctl.KVM_CREATE_VM => ("kvm_init", "makes the virtual machine"),
        KvmIoctl.KVM_GET_VCPU_MMAP_SIZE => ("kvm_vcpu_thread_fn > kvm_init_vcpu", "asks how much of the vCPU's descriptor to map"),
        KvmIoctl.KVM_GET_SUPPORTED_CPUID => ("kvm_arch_get_supported_cpuid > get_supported_cpuid", "asks which features a CPU model may have"),
        KvmIoctl.KVM_GET_MSR_INDEX_LIST => ("kvm_arch_init > kvm_get_supported_msrs", "asks which MSRs are part of a vCPU's state"),
        KvmIoctl.KVM_GET_MSR_FEATURE_INDEX_LIST => ("kvm_arch_init > kvm_get_supported_feature_msrs", "asks which MSRs describe the processor"),
        KvmIoctl.KVM_GET_MSRS => ("kvm_arch_get_supported_msr_feature", "reads an MSR that describes the processor"),
        KvmIoctl.KVM_X86_GET_MCE_CAP_SUPPORTED => ("kvm_init_vcpu > kvm_arch_init_vcpu", "says what processor it is"),
        _ => ("", ""),
    };

    private static (string Function, string Purpose) OfVm(uint request) => request switch
    {
        KvmIoctl.KVM_CHECK_EXTENSION => ("kvm_vm_check_extension", "asks what this machine can do"),
        KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR => ("kvm_init > kvm_arch_init", "gives KVM a page for an identity map, which VMX without unrestricted guest needs"),
        KvmIoctl.KVM_SET_TSS_ADDR => ("kvm_init > kvm_arch_init", "gives KVM three pages for a TSS, which VMX needs for virtual-8086 mode"),
        KvmIoctl.KVM_ENABLE_CAP => ("kvm_init, kvm_arch_init, kvm_irqchip_create", "turns on what has to be chosen: a log of dirty pages by hand, exits for MSRs, a split interrupt controller"),
        KvmIoctl.KVM_CREATE_IRQCHIP => ("kvm_init > kvm_irqchip_create", "chooses where the interrupt controllers are"),
        KvmIoctl.KVM_SET_GSI_ROUTING => ("kvm_irqchip_commit_routes", "says where each interrupt line leads"),
        KvmIoctl.KVM_SET_USER_MEMORY_REGION => ("kvm_set_phys_mem > kvm_set_user_memory_region", "makes memory of QEMU's the guest's, as the memory map changes"),
        KvmIoctl.KVM_GET_DIRTY_LOG or KvmIoctl.KVM_CLEAR_DIRTY_LOG => ("kvm_physical_sync_dirty_bitmap", "asks which pages the guest has written"),
        KvmIoctl.KVM_REGISTER_COALESCED_MMIO or KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO => ("kvm_coalesce_mmio_region", "lets writes to a device wait in a ring"),
        KvmIoctl.KVM_IOEVENTFD => ("kvm_check_many_ioeventfds, kvm_mem_ioeventfd_add", "lets a write to a device raise an event instead of an exit"),
        KvmIoctl.KVM_IRQFD => ("kvm_irqchip_assign_irqfd", "lets an event raise an interrupt"),
        KvmIoctl.KVM_IRQ_LINE or KvmIoctl.KVM_IRQ_LINE_STATUS => ("kvm_set_irq", "a device of QEMU's raises or lowers its line"),
        KvmIoctl.KVM_SIGNAL_MSI => ("kvm_irqchip_send_msi", "a device of QEMU's sends an interrupt message"),
        KvmIoctl.KVM_GET_IRQCHIP => ("kvm_pic_get, kvm_ioapic_get", "reads an interrupt controller of KVM's"),
        KvmIoctl.KVM_SET_IRQCHIP => ("kvm_pic_put, kvm_ioapic_put", "resets an interrupt controller of KVM's"),
        KvmIoctl.KVM_CREATE_PIT2 or KvmIoctl.KVM_REINJECT_CONTROL => ("kvm_pit_realizefn", "makes the timer"),
        KvmIoctl.KVM_GET_PIT2 or KvmIoctl.KVM_SET_PIT2 => ("kvm_pit_get, kvm_pit_put", "reads or resets the timer"),
        KvmIoctl.KVM_GET_CLOCK or KvmIoctl.KVM_SET_CLOCK => ("kvmclock_vm_state_change", "lets the paravirtual clock stand or go on with the machine"),
        KvmIoctl.KVM_CREATE_VCPU => ("kvm_vcpu_thread_fn > kvm_init_vcpu > kvm_get_vcpu", "makes a vCPU, on the thread that will run it"),
        KvmIoctl.KVM_X86_SET_MSR_FILTER => ("kvm_install_msr_filters", "says which MSRs of the guest are QEMU's business"),
        _ => ("", ""),
    };

    private static string PurposeOfVcpu(uint request) => request switch
    {
        KvmIoctl.KVM_SET_CPUID2 or KvmIoctl.KVM_X86_SETUP_MCE or KvmIoctl.KVM_GET_TSC_KHZ => "says what processor it is",
        KvmIoctl.KVM_TPR_ACCESS_REPORTING or KvmIoctl.KVM_SET_VAPIC_ADDR => "tells KVM how old guests' accesses to the task priority are sped up",
        KvmIoctl.KVM_KVMCLOCK_CTRL => "tells the guest's watchdogs that it stood",
        KvmIoctl.KVM_RUN => "enters the guest",
        KvmIoctl.KVM_SET_LAPIC => "resets the local APIC",
        _ when OfVcpu(request).StartsWith("kvm_arch_put_registers", StringComparison.Ordinal) => "puts QEMU's copy of the registers",
        _ when OfVcpu(request).StartsWith("kvm_arch_get_registers", StringComparison.Ordinal) => "fetches KVM's registers into QEMU's copy",
        _ => "",
    };
}
