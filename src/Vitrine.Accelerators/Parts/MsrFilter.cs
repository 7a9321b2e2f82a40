using System.Collections.Immutable;

namespace Vitrine.Accelerators.Parts;

/// <summary>
/// Which accesses of guests to model-specific registers are denied (KVM_X86_SET_MSR_FILTER): the first range that says something of one decides. Those of the local
/// APIC in x2APIC mode are always allowed.
/// </summary>
/// <param name="AllowsByDefault">What holds where no range says anything.</param>
/// <param name="Ranges">The ranges, at most 16 in KVM.</param>
public sealed record MsrFilter(bool AllowsByDefault, ImmutableArray<MsrFilterRange> Ranges)
{
    private const uint FirstOfLocalApic = 0x800;
    private const uint LastOfLocalApic = 0x8FF;

    /// <summary>Whether an access is allowed.</summary>
    public bool Allows(uint index, bool isWrite)
    {
        if (index is >= FirstOfLocalApic and <= LastOfLocalApic) return true;
        foreach (MsrFilterRange range in Ranges)
        {
            if (range.Covers(index, isWrite)) return range.Allows(index);
        }

        return AllowsByDefault;
    }
}
