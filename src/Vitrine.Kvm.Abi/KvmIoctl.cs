namespace Vitrine.Kvm.Abi;

/// <summary>
/// The ioctl numbers of &lt;linux/kvm.h&gt;, under their names there. They are literal because the header's direction bits
/// are partly wrong (KVM_SET_IRQCHIP is declared as a read) and the wrong ones are the ABI.
/// </summary>
/// <remarks>A number means different things on different descriptors (0x9F to 0xA3 among others); see <see cref="KvmIoctlName"/>.</remarks>
public static class KvmIoctl
{
    // On /dev/kvm.
    public const uint KVM_GET_API_VERSION = 0x0000AE00;
    public const uint KVM_CREATE_VM = 0x0000AE01;
    public const uint KVM_GET_MSR_INDEX_LIST = 0xC004AE02;
    public const uint KVM_CHECK_EXTENSION = 0x0000AE03;
    public const uint KVM_GET_VCPU_MMAP_SIZE = 0x0000AE04;
    public const uint KVM_GET_SUPPORTED_CPUID = 0xC008AE05;
    public const uint KVM_GET_EMULATED_CPUID = 0xC008AE09;
    public const uint KVM_GET_MSR_FEATURE_INDEX_LIST = 0xC004AE0A;
    public const uint KVM_X86_GET_MCE_CAP_SUPPORTED = 0x8008AE9D;
    public const uint KVM_GET_SUPPORTED_HV_CPUID = 0xC008AEC1;

    // On a virtual machine.
    public const uint KVM_CREATE_VCPU = 0x0000AE41;
    public const uint KVM_GET_DIRTY_LOG = 0x4010AE42;
    public const uint KVM_CLEAR_DIRTY_LOG = 0xC018AEC0;
    public const uint KVM_RESET_DIRTY_RINGS = 0x0000AEC7;
    public const uint KVM_SET_NR_MMU_PAGES = 0x0000AE44;
    public const uint KVM_GET_NR_MMU_PAGES = 0x0000AE45;
    public const uint KVM_SET_USER_MEMORY_REGION = 0x4020AE46;
    public const uint KVM_SET_TSS_ADDR = 0x0000AE47;
    public const uint KVM_SET_IDENTITY_MAP_ADDR = 0x4008AE48;
    public const uint KVM_CREATE_IRQCHIP = 0x0000AE60;
    public const uint KVM_IRQ_LINE = 0x4008AE61;
    public const uint KVM_IRQ_LINE_STATUS = 0xC008AE67;
    public const uint KVM_GET_IRQCHIP = 0xC208AE62;
    public const uint KVM_SET_IRQCHIP = 0x8208AE63;
    public const uint KVM_CREATE_PIT = 0x0000AE64;
    public const uint KVM_CREATE_PIT2 = 0x4040AE77;
    public const uint KVM_GET_PIT = 0xC048AE65;
    public const uint KVM_SET_PIT = 0x8048AE66;
    public const uint KVM_GET_PIT2 = 0x8070AE9F;
    public const uint KVM_SET_PIT2 = 0x4070AEA0;
    public const uint KVM_REINJECT_CONTROL = 0x0000AE71;
    public const uint KVM_SET_BOOT_CPU_ID = 0x0000AE78;
    public const uint KVM_REGISTER_COALESCED_MMIO = 0x4010AE67;
    public const uint KVM_UNREGISTER_COALESCED_MMIO = 0x4010AE68;
    public const uint KVM_SET_GSI_ROUTING = 0x4008AE6A;
    public const uint KVM_IRQFD = 0x4020AE76;
    public const uint KVM_IOEVENTFD = 0x4040AE79;
    public const uint KVM_SIGNAL_MSI = 0x4020AEA5;
    public const uint KVM_SET_CLOCK = 0x4030AE7B;
    public const uint KVM_GET_CLOCK = 0x8030AE7C;
    public const uint KVM_SET_TSC_KHZ = 0x0000AEA2;
    public const uint KVM_GET_TSC_KHZ = 0x0000AEA3;
    public const uint KVM_CREATE_DEVICE = 0xC00CAEE0;
    public const uint KVM_SET_DEVICE_ATTR = 0x4018AEE1;
    public const uint KVM_GET_DEVICE_ATTR = 0x4018AEE2;
    public const uint KVM_HAS_DEVICE_ATTR = 0x4018AEE3;
    public const uint KVM_X86_SET_MSR_FILTER = 0x4188AEC6;
    public const uint KVM_SET_PMU_EVENT_FILTER = 0x4020AEB2;
    public const uint KVM_ENABLE_CAP = 0x4068AEA3;
    public const uint KVM_GET_STATS_FD = 0x0000AECE;
    public const uint KVM_MEMORY_ENCRYPT_OP = 0xC008AEBA;
    public const uint KVM_XEN_HVM_CONFIG = 0x4038AE7A;
    public const uint KVM_SET_USER_MEMORY_REGION2 = 0x40A0AE49;
    public const uint KVM_SET_MEMORY_ATTRIBUTES = 0x4020AED2;
    public const uint KVM_CREATE_GUEST_MEMFD = 0xC040AED4;

    // On a vCPU.
    public const uint KVM_RUN = 0x0000AE80;
    public const uint KVM_GET_REGS = 0x8090AE81;
    public const uint KVM_SET_REGS = 0x4090AE82;
    public const uint KVM_GET_SREGS = 0x8138AE83;
    public const uint KVM_SET_SREGS = 0x4138AE84;
    public const uint KVM_GET_SREGS2 = 0x8140AECC;
    public const uint KVM_SET_SREGS2 = 0x4140AECD;
    public const uint KVM_TRANSLATE = 0xC018AE85;
    public const uint KVM_INTERRUPT = 0x4004AE86;
    public const uint KVM_GET_MSRS = 0xC008AE88;
    public const uint KVM_SET_MSRS = 0x4008AE89;
    public const uint KVM_SET_CPUID = 0x4008AE8A;
    public const uint KVM_SET_CPUID2 = 0x4008AE90;
    public const uint KVM_GET_CPUID2 = 0xC008AE91;
    public const uint KVM_SET_SIGNAL_MASK = 0x4004AE8B;
    public const uint KVM_GET_FPU = 0x81A0AE8C;
    public const uint KVM_SET_FPU = 0x41A0AE8D;
    public const uint KVM_GET_LAPIC = 0x8400AE8E;
    public const uint KVM_SET_LAPIC = 0x4400AE8F;
    public const uint KVM_TPR_ACCESS_REPORTING = 0xC028AE92;
    public const uint KVM_SET_VAPIC_ADDR = 0x4008AE93;
    public const uint KVM_GET_MP_STATE = 0x8004AE98;
    public const uint KVM_SET_MP_STATE = 0x4004AE99;
    public const uint KVM_NMI = 0x0000AE9A;
    public const uint KVM_SMI = 0x0000AEB7;
    public const uint KVM_SET_GUEST_DEBUG = 0x4048AE9B;
    public const uint KVM_X86_SETUP_MCE = 0x4008AE9C;
    public const uint KVM_X86_SET_MCE = 0x4040AE9E;
    public const uint KVM_GET_VCPU_EVENTS = 0x8040AE9F;
    public const uint KVM_SET_VCPU_EVENTS = 0x4040AEA0;
    public const uint KVM_GET_DEBUGREGS = 0x8080AEA1;
    public const uint KVM_SET_DEBUGREGS = 0x4080AEA2;
    public const uint KVM_GET_XSAVE = 0x9000AEA4;
    public const uint KVM_SET_XSAVE = 0x5000AEA5;
    public const uint KVM_GET_XSAVE2 = 0x9000AECF;
    public const uint KVM_GET_XCRS = 0x8188AEA6;
    public const uint KVM_SET_XCRS = 0x4188AEA7;
    public const uint KVM_KVMCLOCK_CTRL = 0x0000AEAD;
    public const uint KVM_GET_NESTED_STATE = 0xC080AEBE;
    public const uint KVM_SET_NESTED_STATE = 0x4080AEBF;
    public const uint KVM_GET_ONE_REG = 0x4010AEAB;
    public const uint KVM_SET_ONE_REG = 0x4010AEAC;
    public const uint KVM_PRE_FAULT_MEMORY = 0xC040AED5;
}
