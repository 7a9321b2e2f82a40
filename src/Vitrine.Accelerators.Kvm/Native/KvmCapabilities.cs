using Vitrine.Kvm.Abi;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The capabilities that are used, read once.</summary>
internal sealed class KvmCapabilities
{
    private static readonly (string Name, uint Number, bool Required)[] s_used =
    [
        (nameof(KvmCap.KVM_CAP_IRQCHIP),                     KvmCap.KVM_CAP_IRQCHIP,                     true),
        (nameof(KvmCap.KVM_CAP_USER_MEMORY),                 KvmCap.KVM_CAP_USER_MEMORY,                 true),
        (nameof(KvmCap.KVM_CAP_SET_TSS_ADDR),                KvmCap.KVM_CAP_SET_TSS_ADDR,                true),
        (nameof(KvmCap.KVM_CAP_EXT_CPUID),                   KvmCap.KVM_CAP_EXT_CPUID,                   true),
        (nameof(KvmCap.KVM_CAP_MP_STATE),                    KvmCap.KVM_CAP_MP_STATE,                    true),
        (nameof(KvmCap.KVM_CAP_DESTROY_MEMORY_REGION_WORKS), KvmCap.KVM_CAP_DESTROY_MEMORY_REGION_WORKS, true),
        (nameof(KvmCap.KVM_CAP_USER_NMI),                    KvmCap.KVM_CAP_USER_NMI,                    true),
        (nameof(KvmCap.KVM_CAP_PIT2),                        KvmCap.KVM_CAP_PIT2,                        true),
        (nameof(KvmCap.KVM_CAP_SET_IDENTITY_MAP_ADDR),       KvmCap.KVM_CAP_SET_IDENTITY_MAP_ADDR,       true),
        (nameof(KvmCap.KVM_CAP_VCPU_EVENTS),                 KvmCap.KVM_CAP_VCPU_EVENTS,                 true),
        (nameof(KvmCap.KVM_CAP_DEBUGREGS),                   KvmCap.KVM_CAP_DEBUGREGS,                   true),
        (nameof(KvmCap.KVM_CAP_XSAVE),                       KvmCap.KVM_CAP_XSAVE,                       true),
        (nameof(KvmCap.KVM_CAP_XCRS),                        KvmCap.KVM_CAP_XCRS,                        true),
        (nameof(KvmCap.KVM_CAP_GET_TSC_KHZ),                 KvmCap.KVM_CAP_GET_TSC_KHZ,                 true),
        (nameof(KvmCap.KVM_CAP_SIGNAL_MSI),                  KvmCap.KVM_CAP_SIGNAL_MSI,                  true),
        (nameof(KvmCap.KVM_CAP_READONLY_MEM),                KvmCap.KVM_CAP_READONLY_MEM,                true),
        (nameof(KvmCap.KVM_CAP_IMMEDIATE_EXIT),              KvmCap.KVM_CAP_IMMEDIATE_EXIT,              true),
        (nameof(KvmCap.KVM_CAP_NR_MEMSLOTS),                 KvmCap.KVM_CAP_NR_MEMSLOTS,                 false),
        (nameof(KvmCap.KVM_CAP_MAX_VCPUS),                   KvmCap.KVM_CAP_MAX_VCPUS,                   false),
        (nameof(KvmCap.KVM_CAP_IRQ_ROUTING),                 KvmCap.KVM_CAP_IRQ_ROUTING,                 false),
        (nameof(KvmCap.KVM_CAP_SPLIT_IRQCHIP),               KvmCap.KVM_CAP_SPLIT_IRQCHIP,               false),
        (nameof(KvmCap.KVM_CAP_TSC_CONTROL),                 KvmCap.KVM_CAP_TSC_CONTROL,                 false),
        (nameof(KvmCap.KVM_CAP_TSC_DEADLINE_TIMER),          KvmCap.KVM_CAP_TSC_DEADLINE_TIMER,          false),
        (nameof(KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2),   KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,   false),
        (nameof(KvmCap.KVM_CAP_SREGS2),                      KvmCap.KVM_CAP_SREGS2,                      false),
        (nameof(KvmCap.KVM_CAP_XSAVE2),                      KvmCap.KVM_CAP_XSAVE2,                      false),
        (nameof(KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT),      KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT,      false),
    ];

    private readonly KvmCapability[] _all = new KvmCapability[s_used.Length];

    public KvmCapabilities(KvmSystemHandle system)
    {
        for (int i = 0; i < s_used.Length; i++)
        {
            (string name, uint number, bool required) = s_used[i];
            _all[i] = new KvmCapability(name, number, required, system.Check(number));
        }
    }

    /// <summary>All of them, the required ones first.</summary>
    public IReadOnlyList<KvmCapability> All => _all;

    /// <summary>The value of one of the table.</summary>
    public int this[uint number] => Array.Find(_all, c => c.Number == number).Value;

    /// <summary>True when the host has it.</summary>
    public bool Has(uint number) => this[number] > 0;

    /// <summary>The first required one that is absent, or null.</summary>
    public string? FirstMissing() => Array.Find(_all, c => c.Required && !c.Present).Name;
}
