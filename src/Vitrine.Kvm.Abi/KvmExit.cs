namespace Vitrine.Kvm.Abi;

/// <summary>Exit reasons: kvm_run.exit_reason, under their names in &lt;linux/kvm.h&gt;.</summary>
public static class KvmExit
{
    public const uint KVM_EXIT_UNKNOWN = 0;
    public const uint KVM_EXIT_EXCEPTION = 1;
    public const uint KVM_EXIT_IO = 2;
    public const uint KVM_EXIT_HYPERCALL = 3;
    public const uint KVM_EXIT_DEBUG = 4;
    public const uint KVM_EXIT_HLT = 5;
    public const uint KVM_EXIT_MMIO = 6;
    public const uint KVM_EXIT_IRQ_WINDOW_OPEN = 7;
    public const uint KVM_EXIT_SHUTDOWN = 8;
    public const uint KVM_EXIT_FAIL_ENTRY = 9;
    public const uint KVM_EXIT_INTR = 10;
    public const uint KVM_EXIT_SET_TPR = 11;
    public const uint KVM_EXIT_TPR_ACCESS = 12;
    public const uint KVM_EXIT_S390_SIEIC = 13;
    public const uint KVM_EXIT_S390_RESET = 14;
    public const uint KVM_EXIT_DCR = 15;
    public const uint KVM_EXIT_NMI = 16;
    public const uint KVM_EXIT_INTERNAL_ERROR = 17;
    public const uint KVM_EXIT_OSI = 18;
    public const uint KVM_EXIT_PAPR_HCALL = 19;
    public const uint KVM_EXIT_S390_UCONTROL = 20;
    public const uint KVM_EXIT_WATCHDOG = 21;
    public const uint KVM_EXIT_S390_TSCH = 22;
    public const uint KVM_EXIT_EPR = 23;
    public const uint KVM_EXIT_SYSTEM_EVENT = 24;
    public const uint KVM_EXIT_S390_STSI = 25;
    public const uint KVM_EXIT_IOAPIC_EOI = 26;
    public const uint KVM_EXIT_HYPERV = 27;
    public const uint KVM_EXIT_ARM_NISV = 28;
    public const uint KVM_EXIT_X86_RDMSR = 29;
    public const uint KVM_EXIT_X86_WRMSR = 30;
    public const uint KVM_EXIT_DIRTY_RING_FULL = 31;
    public const uint KVM_EXIT_AP_RESET_HOLD = 32;
    public const uint KVM_EXIT_X86_BUS_LOCK = 33;
    public const uint KVM_EXIT_XEN = 34;
    public const uint KVM_EXIT_RISCV_SBI = 35;
    public const uint KVM_EXIT_RISCV_CSR = 36;
    public const uint KVM_EXIT_NOTIFY = 37;
    public const uint KVM_EXIT_LOONGARCH_IOCSR = 38;
    public const uint KVM_EXIT_MEMORY_FAULT = 39;
}
