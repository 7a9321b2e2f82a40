using System.Globalization;

namespace Vitrine.X86.VmEntry;

/// <summary>Exit codes of SVM (APM vol. 2, appendix C "SVM Intercept Exit Codes").</summary>
public static class SvmExitCode
{
    private const uint FirstException = 0x40;
    private const uint FirstEvent = 0x60;

    private static readonly string[] s_events =
    [
        /* 60 */ "interrupt", "NMI", "SMI", "INIT", "virtual interrupt", "write of CR0", "read of IDTR", "read of GDTR",
        /* 68 */ "read of LDTR", "read of TR", "write of IDTR", "write of GDTR", "write of LDTR", "write of TR", "RDTSC", "RDPMC",
        /* 70 */ "PUSHF", "POPF", "CPUID", "RSM", "IRET", "INT n", "INVD", "PAUSE",
        /* 78 */ "HLT", "INVLPG", "INVLPGA", "I/O instruction", "RDMSR or WRMSR", "task switch", "FERR freeze", "shutdown",
        /* 80 */ "VMRUN", "VMMCALL", "VMLOAD", "VMSAVE", "STGI", "CLGI", "SKINIT", "RDTSCP",
        /* 88 */ "ICEBP", "WBINVD or WBNOINVD", "MONITOR", "MWAIT", "MWAIT, armed", "XSETBV", "RDPRU", "write of EFER",
    ];

    /// <summary>True for VMEXIT_INVALID, −1 in 32 or 64 bits: VMRUN refused the VMCB.</summary>
    public static bool IsInvalid(ulong code) => code is uint.MaxValue or ulong.MaxValue;

    /// <summary>The name of an exit code.</summary>
    public static string Name(ulong code) => code switch
    {
        _ when IsInvalid(code) => "VMEXIT_INVALID",
        < 0x10 => string.Create(CultureInfo.InvariantCulture, $"read of CR{code}"),
        < 0x20 => string.Create(CultureInfo.InvariantCulture, $"write of CR{code - 0x10}"),
        < 0x30 => string.Create(CultureInfo.InvariantCulture, $"read of DR{code - 0x20}"),
        < FirstException => string.Create(CultureInfo.InvariantCulture, $"write of DR{code - 0x30}"),
        < FirstEvent => string.Create(CultureInfo.InvariantCulture, $"exception {code - FirstException}"),
        _ when code - FirstEvent < (ulong)s_events.Length => s_events[code - FirstEvent],
        0x400 => "nested page fault",
        0x401 => "AVIC: incomplete IPI",
        0x402 => "AVIC: access that is not accelerated",
        0x403 => "VMGEXIT",
        _ => $"unknown code 0x{code:x}",
    };
}
