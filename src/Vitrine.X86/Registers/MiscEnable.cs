namespace Vitrine.X86.Registers;

/// <summary>Bits of IA32_MISC_ENABLE (SDM vol. 4, table 2-2). Those without a name here are reserved.</summary>
public static class MiscEnable
{
    /// <summary>Fast-strings enable.</summary>
    public const ulong FastStrings = 1UL << 0;

    /// <summary>Automatic thermal control circuit enable.</summary>
    public const ulong AutomaticThermalControl = 1UL << 3;

    /// <summary>Performance monitoring is available; read-only.</summary>
    public const ulong PerformanceMonitoring = 1UL << 7;

    /// <summary>Branch trace storage is unavailable; read-only.</summary>
    public const ulong BranchTraceUnavailable = 1UL << 11;

    /// <summary>Processor event-based sampling is unavailable; read-only.</summary>
    public const ulong EventSamplingUnavailable = 1UL << 12;

    /// <summary>Enhanced Intel SpeedStep technology enable.</summary>
    public const ulong EnhancedSpeedStep = 1UL << 16;

    /// <summary>MONITOR and MWAIT are there, where the processor has them. Not to be changed on a processor without SSE3.</summary>
    public const ulong Monitor = 1UL << 18;

    /// <summary>CPUID answers up to leaf <see cref="LimitedCpuidLeaf"/> only.</summary>
    public const ulong LimitCpuid = 1UL << 22;

    /// <summary>xTPR messages are off.</summary>
    public const ulong XtprDisable = 1UL << 23;

    /// <summary>The execute-disable feature is off, and CPUID doesn't announce it.</summary>
    public const ulong ExecuteDisableOff = 1UL << 34;

    /// <summary>The highest basic leaf with <see cref="LimitCpuid"/>.</summary>
    public const uint LimitedCpuidLeaf = 2;

    /// <summary>What WRMSR can change; the others are read-only or reserved.</summary>
    public const ulong Writable =
        FastStrings | AutomaticThermalControl | EnhancedSpeedStep | Monitor | LimitCpuid | XtprDisable | ExecuteDisableOff;

    /// <summary>What RDMSR can show but WRMSR does not change.</summary>
    public const ulong ReadOnly = PerformanceMonitoring | BranchTraceUnavailable | EventSamplingUnavailable;
}
