namespace Vitrine.X86.Cpuid;

/// <summary>Answers CPUID from a list of leaves, as an Intel processor does for leaves and subleaves that it hasn't (SDM vol. 2, CPUID).</summary>
public sealed class CpuidTable
{
    private const uint TopologyLeaf = 0xB;
    private readonly CpuidEntry[] _entries;
    private readonly uint _highestBasic;
    private readonly uint _highestExtended;
    private readonly uint _highestHypervisor;

    /// <summary>Creates the table.</summary>
    public CpuidTable(ReadOnlySpan<CpuidEntry> entries)
    {
        _entries = entries.ToArray();
        _highestBasic = TryFind(0, 0, out CpuidEntry basic) ? basic.Eax : 0;
        _highestExtended = TryFind(0x8000_0000, 0, out CpuidEntry extended) ? extended.Eax : 0;
        // KVM of old answered 0 here and meant its feature leaf.
        _highestHypervisor = TryFind(0x4000_0000, 0, out CpuidEntry hypervisor) ? Math.Max(hypervisor.Eax, 0x4000_0001) : 0;
        MaxPhyAddr = TryFind(0x8000_0008, 0, out CpuidEntry sizes) && (sizes.Eax & 0xFF) != 0 ? (int)(sizes.Eax & 0xFF) : 36;
        Signature = TryFind(1, 0, out CpuidEntry version) ? version.Eax : 0;
    }

    /// <summary>Width of physical addresses in bits; 36 where no leaf says it.</summary>
    public int MaxPhyAddr { get; }

    /// <summary>CPUID.1:EAX: family, model, stepping.</summary>
    public uint Signature { get; }

    /// <summary>True when the leaves announce the feature.</summary>
    public bool Has(CpuFeature feature)
    {
        ArgumentNullException.ThrowIfNull(feature);
        return feature.IsIn(_entries);
    }

    /// <summary>
    /// What CPUID answers. A leaf beyond the highest gives the data of the highest basic leaf; a leaf or subleaf in between
    /// that isn't there gives zeros, but in leaf 0xB the subleaf number and the x2APIC id.
    /// </summary>
    /// <param name="leaf">EAX.</param>
    /// <param name="subleaf">ECX.</param>
    public CpuidEntry Lookup(uint leaf, uint subleaf) => Lookup(leaf, subleaf, uint.MaxValue);

    /// <summary>As the other overload, on a processor that was told to answer basic leaves up to a limit only.</summary>
    /// <param name="leaf">EAX.</param>
    /// <param name="subleaf">ECX.</param>
    /// <param name="limit">The highest basic leaf, where it is below that of the table.</param>
    public CpuidEntry Lookup(uint leaf, uint subleaf, uint limit)
    {
        uint highestBasic = Math.Min(_highestBasic, limit);
        uint highest = leaf switch
        {
            >= 0x8000_0000 => _highestExtended,
            >= 0x4000_0000 and <= 0x4FFF_FFFF => _highestHypervisor,
            _ => highestBasic,
        };
        if (leaf > highest)
            leaf = highestBasic;
        if (TryFind(leaf, subleaf, out CpuidEntry entry))
            return leaf == 0 ? entry with { Eax = highestBasic } : entry;
        return leaf == TopologyLeaf && TryFind(TopologyLeaf, 1, out CpuidEntry topology)
            ? new CpuidEntry(leaf, subleaf, true, 0, 0, subleaf & 0xFF, topology.Edx)
            : new CpuidEntry(leaf, subleaf, false, 0, 0, 0, 0);
    }

    private bool TryFind(uint leaf, uint subleaf, out CpuidEntry found)
    {
        foreach (CpuidEntry entry in _entries)
        {
            if (entry.Function == leaf && (!entry.IndexMatters || entry.Index == subleaf))
            {
                found = entry;
                return true;
            }
        }

        found = default;
        return false;
    }
}
