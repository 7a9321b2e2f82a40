using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>How large the code caches of a machine may become, with the tables of their blocks.</summary>
internal static class CodeMemorySize
{
    /// <summary>
    /// Host code leads from any place to any other by a distance of 32 bits; no program that was seen needs more than a fifth of this.
    /// </summary>
    public const ulong Most = 1UL << 30;

    /// <summary>What even a small host has to give: a Linux kernel and a shell fit into it.</summary>
    public const ulong Least = 16UL << 20;

    // For code and what is kept of each block, which is less than its code; the rest is for the guest's memory and for others.
    private const ulong PartOfMemory = 8;

    // Both views count, and the guest's memory, the runtime and its threads want most of it.
    private const ulong PartOfAddressSpace = 32;

    /// <summary>The bound of the code cache of one vCPU on this host, in bytes.</summary>
    /// <param name="vcpus">How many vCPUs share the host's memory.</param>
    public static nuint ForHost(int vcpus) =>
        For(vcpus, (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, ResourceLimit.AddressSpace);

    /// <summary>The bound of the code cache of one vCPU, in bytes.</summary>
    /// <param name="vcpus">How many vCPUs there are.</param>
    /// <param name="memory">What the process may use of the host's memory, in bytes: all of it, or the limit of its control group.</param>
    /// <param name="addressSpace">The most address space that it may use, in bytes.</param>
    public static nuint For(int vcpus, ulong memory, ulong addressSpace)
    {
        ulong all = Math.Min(memory / PartOfMemory, addressSpace / PartOfAddressSpace);
        return (nuint)Math.Clamp(all / (ulong)vcpus, Least, Most) & ~(nuint)0xFFF;
    }
}
