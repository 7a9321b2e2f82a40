namespace Vitrine.Explain.Model;

/// <summary>What an instruction did.</summary>
/// <param name="Registers">Registers that changed.</param>
/// <param name="Memory">Memory that it wrote.</param>
/// <param name="Exits">The exits that it caused, in order, and who handled each.</param>
/// <param name="Outcome">What came of it, in a sentence.</param>
public sealed record ExecutionStory(
    IReadOnlyList<RegisterChange> Registers, IReadOnlyList<MemoryChange> Memory, IReadOnlyList<ExitFact> Exits, string Outcome)
{
    /// <summary>States before and after are compared: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
