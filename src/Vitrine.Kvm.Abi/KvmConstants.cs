namespace Vitrine.Kvm.Abi;

/// <summary>Flags and values of &lt;linux/kvm.h&gt; and &lt;asm/kvm.h&gt; that belong to no larger group, under their names there.</summary>
public static class KvmConstants
{
    public const int KVM_API_VERSION = 12;

    public const uint KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;

    public const byte KVM_EXIT_IO_OUT = 1;

    public const uint KVM_INTERNAL_ERROR_EMULATION = 1;
    public const uint KVM_INTERNAL_ERROR_SIMUL_EX = 2;
    public const uint KVM_INTERNAL_ERROR_DELIVERY_EV = 3;
    public const uint KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;
    public const ulong KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    public const uint KVM_PIT_SPEAKER_DUMMY = 1;
    public const uint KVM_PIT_FLAGS_HPET_LEGACY = 1;
    public const uint KVM_PIT_FLAGS_SPEAKER_DATA_ON = 2;

    public const uint KVM_IRQCHIP_PIC_MASTER = 0;
    public const uint KVM_IRQCHIP_PIC_SLAVE = 1;
    public const uint KVM_IRQCHIP_IOAPIC = 2;
    public const int KVM_IOAPIC_NUM_PINS = 24;

    public const uint KVM_IRQ_ROUTING_IRQCHIP = 1;
    public const uint KVM_IRQ_ROUTING_MSI = 2;
    public const uint KVM_MSI_VALID_DEVID = 1;

    // Of the kernel, which tells it as the value of KVM_CAP_IRQ_ROUTING.
    public const int KVM_MAX_IRQ_ROUTES = 4096;

    public const uint KVM_IRQFD_FLAG_DEASSIGN = 1;
    public const uint KVM_IRQFD_FLAG_RESAMPLE = 2;

    public const uint KVM_IOEVENTFD_FLAG_DATAMATCH = 1;
    public const uint KVM_IOEVENTFD_FLAG_PIO = 2;
    public const uint KVM_IOEVENTFD_FLAG_DEASSIGN = 4;
    public const uint KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY = 8;
    public const uint KVM_IOEVENTFD_VALID_FLAG_MASK = 0x1F;

    public const int KVM_COALESCED_MMIO_MAX = 170;

    public const ulong KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE = 1;

    public const uint KVM_VCPUEVENT_VALID_NMI_PENDING = 1;
    public const uint KVM_VCPUEVENT_VALID_SIPI_VECTOR = 2;
    public const uint KVM_VCPUEVENT_VALID_SHADOW = 4;
    public const uint KVM_VCPUEVENT_VALID_SMM = 8;
    public const uint KVM_STATS_TYPE_INSTANT = 1;
    public const uint KVM_VCPUEVENT_VALID_PAYLOAD = 16;
    public const uint KVM_VCPUEVENT_VALID_TRIPLE_FAULT = 32;

    public const ulong KVM_SREGS2_FLAGS_PDPTRS_VALID = 1;

    public const uint KVM_GUESTDBG_ENABLE = 1;
    public const uint KVM_GUESTDBG_SINGLESTEP = 2;
    public const uint KVM_GUESTDBG_USE_SW_BP = 0x10000;
    public const uint KVM_GUESTDBG_USE_HW_BP = 0x20000;
    public const uint KVM_GUESTDBG_INJECT_DB = 0x40000;
    public const uint KVM_GUESTDBG_INJECT_BP = 0x80000;
    public const uint KVM_GUESTDBG_BLOCKIRQ = 0x100000;

    public const uint KVM_CLOCK_TSC_STABLE = 2;
    public const uint KVM_CLOCK_REALTIME = 4;
    public const uint KVM_CLOCK_HOST_TSC = 8;

    public const ulong KVM_DIRTY_LOG_INITIALLY_SET = 2;

    public const ulong KVM_X86_QUIRK_OUT_7E_INC_RIP = 8;

    public const ulong KVM_X2APIC_API_USE_32BIT_IDS = 1;
    public const ulong KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK = 2;

    public const uint KVM_MSR_FILTER_READ = 1;
    public const uint KVM_MSR_FILTER_WRITE = 2;
    public const uint KVM_MSR_FILTER_DEFAULT_DENY = 1;
    public const int KVM_MSR_FILTER_MAX_RANGES = 16;

    public const uint KVM_NOTIFY_CONTEXT_INVALID = 1;
}
