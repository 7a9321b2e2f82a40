namespace Vitrine.X86.Registers;

/// <summary>Indices of model-specific registers (SDM vol. 4, 2.1 "Architectural MSRs").</summary>
public static class Msr
{
    /// <summary>Machine-check address of the P5; reads 0.</summary>
    public const uint IA32_P5_MC_ADDR = 0x0;

    /// <summary>Machine-check type of the P5; reads 0.</summary>
    public const uint IA32_P5_MC_TYPE = 0x1;

    /// <summary>Time-stamp counter.</summary>
    public const uint IA32_TIME_STAMP_COUNTER = 0x10;

    /// <summary>Platform id.</summary>
    public const uint IA32_PLATFORM_ID = 0x17;

    /// <summary>Local APIC base address and mode.</summary>
    public const uint IA32_APIC_BASE = 0x1B;

    /// <summary>Feature control (VMX, SMX).</summary>
    public const uint IA32_FEATURE_CONTROL = 0x3A;

    /// <summary>Per-processor adjustment of the time-stamp counter.</summary>
    public const uint IA32_TSC_ADJUST = 0x3B;

    /// <summary>Speculation control.</summary>
    public const uint IA32_SPEC_CTRL = 0x48;

    /// <summary>Prediction command.</summary>
    public const uint IA32_PRED_CMD = 0x49;

    /// <summary>Loads a microcode update.</summary>
    public const uint IA32_BIOS_UPDT_TRIG = 0x79;

    /// <summary>Microcode revision in the high half.</summary>
    public const uint IA32_BIOS_SIGN_ID = 0x8B;

    /// <summary>Maximum non-turbo ratio and other platform facts.</summary>
    public const uint MSR_PLATFORM_INFO = 0xCE;

    /// <summary>MTRR capabilities.</summary>
    public const uint IA32_MTRRCAP = 0xFE;

    /// <summary>Which speculation flaws the processor lacks.</summary>
    public const uint IA32_ARCH_CAPABILITIES = 0x10A;

    /// <summary>SYSENTER code segment.</summary>
    public const uint IA32_SYSENTER_CS = 0x174;

    /// <summary>SYSENTER stack pointer.</summary>
    public const uint IA32_SYSENTER_ESP = 0x175;

    /// <summary>SYSENTER instruction pointer.</summary>
    public const uint IA32_SYSENTER_EIP = 0x176;

    /// <summary>Machine-check capabilities.</summary>
    public const uint IA32_MCG_CAP = 0x179;

    /// <summary>Machine-check status.</summary>
    public const uint IA32_MCG_STATUS = 0x17A;

    /// <summary>Machine-check control.</summary>
    public const uint IA32_MCG_CTL = 0x17B;

    /// <summary>Present performance state.</summary>
    public const uint IA32_PERF_STATUS = 0x198;

    /// <summary>Wanted performance state.</summary>
    public const uint IA32_PERF_CTL = 0x199;

    /// <summary>Thermal status.</summary>
    public const uint IA32_THERM_STATUS = 0x19C;

    /// <summary>Miscellaneous features.</summary>
    public const uint IA32_MISC_ENABLE = 0x1A0;

    /// <summary>Debug control (last branch records, BTF).</summary>
    public const uint IA32_DEBUGCTL = 0x1D9;

    /// <summary>First variable MTRR; base and mask alternate.</summary>
    public const uint IA32_MTRR_PHYSBASE0 = 0x200;

    /// <summary>Fixed MTRR, 0 to 512 KiB.</summary>
    public const uint IA32_MTRR_FIX64K_00000 = 0x250;

    /// <summary>Fixed MTRR, from 512 KiB.</summary>
    public const uint IA32_MTRR_FIX16K_80000 = 0x258;

    /// <summary>Fixed MTRR, from 640 KiB.</summary>
    public const uint IA32_MTRR_FIX16K_A0000 = 0x259;

    /// <summary>First of eight fixed MTRRs of 4-KiB granularity.</summary>
    public const uint IA32_MTRR_FIX4K_C0000 = 0x268;

    /// <summary>Last of eight fixed MTRRs of 4-KiB granularity.</summary>
    public const uint IA32_MTRR_FIX4K_F8000 = 0x26F;

    /// <summary>Page attribute table.</summary>
    public const uint IA32_PAT = 0x277;

    /// <summary>Default memory type, MTRR enables.</summary>
    public const uint IA32_MTRR_DEF_TYPE = 0x2FF;

    /// <summary>First machine-check bank: CTL, STATUS, ADDR, MISC.</summary>
    public const uint IA32_MC0_CTL = 0x400;

    /// <summary>Deadline of the local APIC timer.</summary>
    public const uint IA32_TSC_DEADLINE = 0x6E0;

    /// <summary>What the protection keys of supervisor pages forbid.</summary>
    public const uint IA32_PKRS = 0x6E1;

    /// <summary>First register of the local APIC in x2APIC mode.</summary>
    public const uint IA32_X2APIC_FIRST = 0x800;

    /// <summary>Last index that belongs to x2APIC mode.</summary>
    public const uint IA32_X2APIC_LAST = 0x8FF;

    /// <summary>State components of XSAVES.</summary>
    public const uint IA32_XSS = 0xDA0;

    /// <summary>Extended features.</summary>
    public const uint IA32_EFER = 0xC0000080;

    /// <summary>SYSCALL and SYSRET segments.</summary>
    public const uint IA32_STAR = 0xC0000081;

    /// <summary>SYSCALL entry of 64-bit mode.</summary>
    public const uint IA32_LSTAR = 0xC0000082;

    /// <summary>SYSCALL entry of compatibility mode; kept, unused on Intel.</summary>
    public const uint IA32_CSTAR = 0xC0000083;

    /// <summary>RFLAGS bits that SYSCALL clears.</summary>
    public const uint IA32_FMASK = 0xC0000084;

    /// <summary>FS base.</summary>
    public const uint IA32_FS_BASE = 0xC0000100;

    /// <summary>GS base.</summary>
    public const uint IA32_GS_BASE = 0xC0000101;

    /// <summary>What SWAPGS exchanges with the GS base.</summary>
    public const uint IA32_KERNEL_GS_BASE = 0xC0000102;

    /// <summary>What RDTSCP returns in ECX.</summary>
    public const uint IA32_TSC_AUX = 0xC0000103;
}
