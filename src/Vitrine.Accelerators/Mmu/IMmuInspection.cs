namespace Vitrine.Accelerators.Mmu;

/// <summary>
/// An accelerator's own MMU, as tools see it. The vCPU must not be running. Looking changes nothing: no accessed or dirty bit, no
/// entry, no counter.
/// </summary>
public interface IMmuInspection
{
    /// <summary>The mode it was built with.</summary>
    MmuMode Mode { get; }

    /// <summary>What it has done so far. Any thread; approximate while running.</summary>
    MmuCounters Counters { get; }

    /// <summary>Shadow pages (shadow) or second-level tables (two-dimensional) in use.</summary>
    int PagesInUse { get; }

    /// <summary>
    /// Shadow mode: what the shadow page table holds for an address, from the root to the first entry that is absent, or to the
    /// leaf. Empty when the present root has no shadow page yet, and in two-dimensional mode.
    /// </summary>
    IReadOnlyList<ShadowStep> InspectShadow(ulong linear);

    /// <summary>
    /// Two-dimensional mode: every reference that a walk for an address makes when nothing is cached, in order, up to the first entry that is
    /// absent. Empty in shadow mode.
    /// </summary>
    IReadOnlyList<TwoDimensionalReference> InspectTwoDimensional(ulong linear);
}
