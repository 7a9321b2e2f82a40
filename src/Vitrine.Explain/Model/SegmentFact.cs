namespace Vitrine.Explain.Model;

/// <summary>From CS:RIP to a linear address.</summary>
/// <param name="Mode">"real mode", "16-bit protected mode", "32-bit protected mode", "64-bit mode", ...</param>
/// <param name="Selector">CS's selector.</param>
/// <param name="Base">CS's hidden base.</param>
/// <param name="Limit">CS's hidden limit.</param>
/// <param name="Access">CS's access rights in the VMX layout.</param>
/// <param name="Rip">RIP.</param>
/// <param name="Linear">The linear address.</param>
/// <param name="Rule">How it comes about, in a sentence.</param>
/// <param name="Fault">The exception where segmentation refuses the fetch; else empty.</param>
public sealed record SegmentFact(
    string Mode, ushort Selector, ulong Base, uint Limit, uint Access, ulong Rip, ulong Linear, string Rule, string Fault)
{
    /// <summary>Registers are observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
