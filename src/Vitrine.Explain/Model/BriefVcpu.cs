namespace Vitrine.Explain.Model;

/// <summary>One vCPU of a story in brief.</summary>
/// <param name="Vcpu">Its number.</param>
/// <param name="Refusal">Why it refused to enter, where it did; else empty.</param>
/// <param name="Modes">VM entry, by mode; empty where it has not entered the guest.</param>
/// <param name="Instructions">The instructions that are told.</param>
/// <param name="EndReason">Why its story ends: the reason of <see cref="StoryEnd"/>.</param>
/// <param name="EndText">The same in a sentence.</param>
public sealed record BriefVcpu(
    int Vcpu, string Refusal, IReadOnlyList<BriefEntryMode> Modes, IReadOnlyList<BriefInstruction> Instructions, string EndReason, string EndText);
