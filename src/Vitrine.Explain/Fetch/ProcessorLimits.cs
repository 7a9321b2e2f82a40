using Vitrine.X86.Cpuid;

namespace Vitrine.Explain.Fetch;

/// <summary>What CPUID says of a processor's addresses.</summary>
/// <param name="PhysicalAddressBits">Width of physical addresses (CPUID.80000008H:EAX[7:0]).</param>
/// <param name="GigabytePages">It has 1-GiB pages (CPUID.80000001H:EDX[26]).</param>
internal readonly record struct ProcessorLimits(int PhysicalAddressBits, bool GigabytePages)
{
    /// <summary>The limits that some CPUID leaves announce.</summary>
    public static ProcessorLimits From(ReadOnlySpan<CpuidEntry> cpuid)
    {
        const uint ExtendedFeatures = 0x8000_0001;
        const uint GigabytePagesBit = 1u << 26;
        CpuidTable table = new(cpuid);
        return new(Math.Clamp(table.MaxPhyAddr, 32, 52), (table.Lookup(ExtendedFeatures, 0).Edx & GigabytePagesBit) != 0);
    }
}
