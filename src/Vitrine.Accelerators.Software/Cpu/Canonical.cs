namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Canonical form of 48-bit linear addresses (SDM vol. 1, 3.3.7.1).</summary>
internal static class Canonical
{
    /// <summary>True when bits 63:47 are all equal.</summary>
    public static bool Is(ulong address) => (ulong)((long)(address << 16) >> 16) == address;
}
