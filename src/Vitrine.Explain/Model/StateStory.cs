namespace Vitrine.Explain.Model;

/// <summary>Step 2.</summary>
/// <param name="Settings">What the vCPU was told of itself before any state was put, and why: CPUID, frequencies.</param>
/// <param name="Registers">The state in force at the first instruction, with the reason for what isn't plain.</param>
/// <param name="Puts">Each put of state before the first instruction.</param>
public sealed record StateStory(
    IReadOnlyList<SettingFact> Settings, IReadOnlyList<RegisterFact> Registers, IReadOnlyList<PutFact> Puts)
{
    /// <summary>The puts of a program that KVM was served to, in its calls; else empty.</summary>
    public IReadOnlyList<ClientPutFact> ClientPuts { get; init; } = [];
}
