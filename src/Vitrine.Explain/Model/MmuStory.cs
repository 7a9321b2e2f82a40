using Vitrine.Accelerators.Mmu;

namespace Vitrine.Explain.Model;

/// <summary>The MMU behind the guest's walk.</summary>
/// <param name="Kind">"shadow", "two-dimensional", or what KVM uses.</param>
/// <param name="Shadow">Shadow: what the shadow page table holds before.</param>
/// <param name="ShadowAfter">Shadow: what it holds after the instruction; empty where none was executed.</param>
/// <param name="TwoDimensional">Two-dimensional: the references of a walk when nothing is cached.</param>
/// <param name="TwoDimensionalAfter">Two-dimensional: the same after the instruction; empty where none was executed.</param>
/// <param name="Counters">The MMU's counters that moved over the instruction; empty where none was executed.</param>
/// <param name="Events">What happens on the way, in order: the entry that is missing, the fault, the fill, the retry.</param>
/// <param name="Evidence">On the software CPU observed; on KVM derived.</param>
public sealed record MmuStory(
    string Kind,
    IReadOnlyList<ShadowStep> Shadow,
    IReadOnlyList<ShadowStep> ShadowAfter,
    IReadOnlyList<TwoDimensionalReference> TwoDimensional,
    IReadOnlyList<TwoDimensionalReference> TwoDimensionalAfter,
    IReadOnlyList<CounterChange> Counters,
    IReadOnlyList<string> Events,
    Evidence Evidence);
