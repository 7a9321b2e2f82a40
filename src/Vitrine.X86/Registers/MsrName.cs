using System.Globalization;

namespace Vitrine.X86.Registers;

/// <summary>Names of model-specific registers (SDM vol. 4, 2.1; Documentation/virt/kvm/x86/msr.rst for KVM's own).</summary>
public static class MsrName
{
    private const uint FirstKvmMsr = 0x4B564D00;

    private static readonly string[] s_kvm =
    [
        "MSR_KVM_WALL_CLOCK_NEW", "MSR_KVM_SYSTEM_TIME_NEW", "MSR_KVM_ASYNC_PF_EN", "MSR_KVM_STEAL_TIME", "MSR_KVM_PV_EOI_EN",
        "MSR_KVM_POLL_CONTROL", "MSR_KVM_ASYNC_PF_INT", "MSR_KVM_ASYNC_PF_ACK", "MSR_KVM_MIGRATION_CONTROL",
    ];

    /// <summary>The name, or "MSR 0x..." for one without.</summary>
    public static string Of(uint index) => index switch
    {
        Msr.IA32_TIME_STAMP_COUNTER => nameof(Msr.IA32_TIME_STAMP_COUNTER),
        Msr.IA32_APIC_BASE => nameof(Msr.IA32_APIC_BASE),
        Msr.IA32_FEATURE_CONTROL => nameof(Msr.IA32_FEATURE_CONTROL),
        Msr.IA32_TSC_ADJUST => nameof(Msr.IA32_TSC_ADJUST),
        Msr.IA32_SPEC_CTRL => nameof(Msr.IA32_SPEC_CTRL),
        Msr.IA32_BIOS_SIGN_ID => nameof(Msr.IA32_BIOS_SIGN_ID),
        0xE1 => "IA32_UMWAIT_CONTROL",
        Msr.IA32_MTRRCAP => nameof(Msr.IA32_MTRRCAP),
        Msr.IA32_ARCH_CAPABILITIES => nameof(Msr.IA32_ARCH_CAPABILITIES),
        0x122 => "IA32_TSX_CTRL",
        Msr.IA32_SYSENTER_CS => nameof(Msr.IA32_SYSENTER_CS),
        Msr.IA32_SYSENTER_ESP => nameof(Msr.IA32_SYSENTER_ESP),
        Msr.IA32_SYSENTER_EIP => nameof(Msr.IA32_SYSENTER_EIP),
        Msr.IA32_MCG_CAP => nameof(Msr.IA32_MCG_CAP),
        Msr.IA32_MCG_STATUS => nameof(Msr.IA32_MCG_STATUS),
        Msr.IA32_MCG_CTL => nameof(Msr.IA32_MCG_CTL),
        Msr.IA32_MISC_ENABLE => nameof(Msr.IA32_MISC_ENABLE),
        0x1C4 => "IA32_XFD",
        0x1C5 => "IA32_XFD_ERR",
        Msr.IA32_DEBUGCTL => nameof(Msr.IA32_DEBUGCTL),
        >= Msr.IA32_MTRR_PHYSBASE0 and <= Msr.IA32_MTRR_PHYSBASE0 + 0xF => VariableRange(index - Msr.IA32_MTRR_PHYSBASE0),
        Msr.IA32_MTRR_FIX64K_00000 => nameof(Msr.IA32_MTRR_FIX64K_00000),
        Msr.IA32_MTRR_FIX16K_80000 => nameof(Msr.IA32_MTRR_FIX16K_80000),
        Msr.IA32_MTRR_FIX16K_A0000 => nameof(Msr.IA32_MTRR_FIX16K_A0000),
        >= Msr.IA32_MTRR_FIX4K_C0000 and <= Msr.IA32_MTRR_FIX4K_F8000 => FixedRange(index - Msr.IA32_MTRR_FIX4K_C0000),
        Msr.IA32_PAT => nameof(Msr.IA32_PAT),
        Msr.IA32_MTRR_DEF_TYPE => nameof(Msr.IA32_MTRR_DEF_TYPE),
        Msr.IA32_TSC_DEADLINE => nameof(Msr.IA32_TSC_DEADLINE),
        Msr.IA32_PKRS => nameof(Msr.IA32_PKRS),
        Msr.IA32_XSS => nameof(Msr.IA32_XSS),
        >= FirstKvmMsr and <= FirstKvmMsr + 8 => s_kvm[index - FirstKvmMsr],
        Msr.IA32_EFER => nameof(Msr.IA32_EFER),
        Msr.IA32_STAR => nameof(Msr.IA32_STAR),
        Msr.IA32_LSTAR => nameof(Msr.IA32_LSTAR),
        Msr.IA32_CSTAR => nameof(Msr.IA32_CSTAR),
        Msr.IA32_FMASK => nameof(Msr.IA32_FMASK),
        Msr.IA32_FS_BASE => nameof(Msr.IA32_FS_BASE),
        Msr.IA32_GS_BASE => nameof(Msr.IA32_GS_BASE),
        Msr.IA32_KERNEL_GS_BASE => nameof(Msr.IA32_KERNEL_GS_BASE),
        Msr.IA32_TSC_AUX => nameof(Msr.IA32_TSC_AUX),
        0xC001011F => "MSR_VIRT_SPEC_CTRL",
        _ => string.Create(CultureInfo.InvariantCulture, $"MSR 0x{index:X}"),
    };

    // Base and mask alternate.
    private static string VariableRange(uint offset) =>
        string.Create(CultureInfo.InvariantCulture, $"IA32_MTRR_PHYS{((offset & 1) == 0 ? "BASE" : "MASK")}{offset / 2}");

    // Eight ranges of 32 KiB from 0xC0000.
    private static string FixedRange(uint number) =>
        string.Create(CultureInfo.InvariantCulture, $"IA32_MTRR_FIX4K_{0xC0000 + (number * 0x8000):X5}");
}
