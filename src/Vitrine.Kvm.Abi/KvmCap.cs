namespace Vitrine.Kvm.Abi;

/// <summary>Capabilities that matter here (KVM_CHECK_EXTENSION), under their names in &lt;linux/kvm.h&gt;.</summary>
public static class KvmCap
{
    public const uint KVM_CAP_IRQCHIP = 0;
    public const uint KVM_CAP_USER_MEMORY = 3;
    public const uint KVM_CAP_SET_TSS_ADDR = 4;
    public const uint KVM_CAP_EXT_CPUID = 7;
    public const uint KVM_CAP_NR_MEMSLOTS = 10;
    public const uint KVM_CAP_MP_STATE = 14;
    public const uint KVM_CAP_DESTROY_MEMORY_REGION_WORKS = 21;
    public const uint KVM_CAP_USER_NMI = 22;
    public const uint KVM_CAP_IRQ_ROUTING = 25;
    public const uint KVM_CAP_PIT2 = 33;
    public const uint KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;
    public const uint KVM_CAP_VCPU_EVENTS = 41;
    public const uint KVM_CAP_DEBUGREGS = 50;
    public const uint KVM_CAP_XSAVE = 55;
    public const uint KVM_CAP_XCRS = 56;
    public const uint KVM_CAP_TSC_CONTROL = 60;
    public const uint KVM_CAP_GET_TSC_KHZ = 61;
    public const uint KVM_CAP_MAX_VCPUS = 66;
    public const uint KVM_CAP_TSC_DEADLINE_TIMER = 72;
    public const uint KVM_CAP_SIGNAL_MSI = 77;
    public const uint KVM_CAP_READONLY_MEM = 81;
    public const uint KVM_CAP_SPLIT_IRQCHIP = 121;
    public const uint KVM_CAP_IMMEDIATE_EXIT = 136;
    public const uint KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 = 168;
    public const uint KVM_CAP_SREGS2 = 200;
    public const uint KVM_CAP_XSAVE2 = 208;
    public const uint KVM_CAP_X86_TRIPLE_FAULT_EVENT = 218;
}
