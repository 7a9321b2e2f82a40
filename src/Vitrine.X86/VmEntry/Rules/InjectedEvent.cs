namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Types of injected events (SDM vol. 3, table 24-13; APM vol. 2, 15.20 has types 0, 2, 3 and 4 with the same numbers).</summary>
internal static class InjectedEvent
{
    public const int ExternalInterrupt = 0, Reserved = 1, Nmi = 2, HardwareException = 3, SoftwareInterrupt = 4,
        PrivilegedSoftwareException = 5, SoftwareException = 6, Other = 7;

    public const uint Valid = 1u << 31;

    public const uint DeliverErrorCode = 1u << 11;

    /// <summary>True for exceptions that push an error code: #DF #TS #NP #SS #GP #PF #AC (SDM vol. 3, 26.2.1.3).</summary>
    public static bool HasErrorCode(int vector) => vector is 8 or 10 or 11 or 12 or 13 or 14 or 17;
}
