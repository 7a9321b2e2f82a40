using System.Globalization;

namespace Vitrine.X86.VmEntry;

/// <summary>Exit reasons of VMX (SDM vol. 3, appendix C "VMX Basic Exit Reasons").</summary>
/// <remarks>
/// <code>
///  31                30        29..25                                                            24..16    15..0
///  VM-entry failure  reserved  from VMX root, MTF pending, enclave, bus lock, shadow stack busy  reserved  basic reason
/// </code>
/// </remarks>
public static class VmxExitReason
{
    /// <summary>Bit 31: the guest was not entered.</summary>
    public const uint EntryFailure = 1u << 31;

    /// <summary>Bits that no processor sets (SDM vol. 3, 25.9.1 "Basic VM-Exit Information").</summary>
    public const uint Reserved = (1u << 30) | 0x01FF_0000;

    /// <summary>Basic reason 33: a check on the guest's state failed.</summary>
    public const uint InvalidGuestState = 33;

    /// <summary>Basic reason 34: an MSR of the MSR-load area could not be loaded.</summary>
    public const uint MsrLoading = 34;

    private static readonly string?[] s_names =
    [
        /*  0 */ "exception or NMI", "external interrupt", "triple fault", "INIT signal", "start-up IPI", "I/O SMI", "other SMI", "interrupt window",
        /*  8 */ "NMI window", "task switch", "CPUID", "GETSEC", "HLT", "INVD", "INVLPG", "RDPMC",
        /* 16 */ "RDTSC", "RSM", "VMCALL", "VMCLEAR", "VMLAUNCH", "VMPTRLD", "VMPTRST", "VMREAD",
        /* 24 */ "VMRESUME", "VMWRITE", "VMXOFF", "VMXON", "control-register access", "MOV DR", "I/O instruction", "RDMSR",
        /* 32 */ "WRMSR", "VM-entry failure due to invalid guest state", "VM-entry failure due to MSR loading", null, "MWAIT", "monitor trap flag", null, "MONITOR",
        /* 40 */ "PAUSE", "VM-entry failure due to a machine-check event", null, "TPR below threshold",
        /* 44 */ "APIC access", "virtualized EOI", "access to GDTR or IDTR", "access to LDTR or TR",
        /* 48 */ "EPT violation", "EPT misconfiguration", "INVEPT", "RDTSCP", "VMX-preemption timer", "INVVPID", "WBINVD or WBNOINVD", "XSETBV",
        /* 56 */ "APIC write", "RDRAND", "INVPCID", "VMFUNC", "ENCLS", "RDSEED", "page-modification log full", "XSAVES",
        /* 64 */ "XRSTORS", "PCONFIG", "SPP-related event", "UMWAIT", "TPAUSE", "LOADIWKEY", "ENCLV", null,
        /* 72 */ "ENQCMD PASID translation failure", "ENQCMDS PASID translation failure", "bus lock", "instruction timeout", "SEAMCALL", "TDCALL",
    ];

    /// <summary>The name of an exit reason: that of its lower half, the basic reason, if nothing stands above it but defined flags.</summary>
    public static string Name(uint reason)
    {
        if ((reason & Reserved) != 0) return string.Create(CultureInfo.InvariantCulture, $"unknown reason 0x{reason:x}");
        uint basic = reason & 0xFFFF;
        return (basic < s_names.Length ? s_names[basic] : null) ?? $"unknown reason {basic}";
    }

    /// <summary>
    /// What the exit qualification of a failed entry says (SDM vol. 3, 26.8 "VM-Entry Failures During or After Loading Guest State"); null where it says nothing.
    /// </summary>
    /// <param name="reason">The exit reason.</param>
    /// <param name="qualification">The exit qualification.</param>
    public static string? DescribeQualification(uint reason, ulong qualification) => (reason & 0xFFFF, qualification) switch
    {
        (InvalidGuestState, 0) => null,
        (InvalidGuestState, 2) => "the PDPTEs could not be loaded: with PAE paging CR3 points at entries with reserved bits",
        (InvalidGuestState, 3) => "an NMI was to be injected into a guest that blocks events by STI",
        (InvalidGuestState, 4) => "the VMCS link pointer, or the VMCS that it points at, is not valid",
        (MsrLoading, _) => $"entry {qualification} of the MSR-load area, counted from 1, could not be loaded",
        _ => null,
    };
}
