namespace Vitrine.Explain.Model;

/// <summary>Why the story ends.</summary>
/// <param name="Reason">"instructions", "address", "exit", "timeout", "guest"; of a served program "client" or "pending".</param>
/// <param name="Text">The same in a sentence.</param>
/// <param name="InstructionsExecuted">How many instructions the guest had executed.</param>
public sealed record StoryEnd(string Reason, string Text, ulong InstructionsExecuted)
{
    /// <summary>The state where the story ends.</summary>
    public IReadOnlyList<RegisterFact> Registers { get; init; } = [];
}
