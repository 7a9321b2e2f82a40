namespace Vitrine.KvmServer.Engine;

/// <summary>Machine-check banks that a vCPU may have (KVM_X86_GET_MCE_CAP_SUPPORTED; SDM vol. 3, 16.3.1).</summary>
internal static class MachineCheck
{
    /// <summary>The most banks.</summary>
    public const int Banks = 32;

    /// <summary>What IA32_MCG_CAP may say beside the number of banks: MCG_CTL_P and MCG_SER_P.</summary>
    public const ulong SupportedCapability = (1UL << 8) | (1UL << 24);

    /// <summary>What a vCPU has until KVM_X86_SETUP_MCE: all banks and nothing else.</summary>
    public const ulong Default = Banks;

    /// <summary>True when KVM_X86_SETUP_MCE takes the value.</summary>
    public static bool IsSupported(ulong capability) =>
        (capability & 0xFF) is >= 1 and <= Banks && (capability & ~(SupportedCapability | 0xFF | 0xFF0000)) == 0;
}
