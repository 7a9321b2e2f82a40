namespace Vitrine.Explain.Model;

/// <summary>One instruction.</summary>
/// <param name="Number">Its number since the start, from 1.</param>
/// <param name="Fetch">How it was fetched.</param>
/// <param name="Execution">What it did; null where it was fetched only.</param>
public sealed record InstructionStory(ulong Number, FetchStory Fetch, ExecutionStory? Execution)
{
    /// <summary>Names of the addresses that it has to do with, where symbols were given; else empty.</summary>
    public IReadOnlyList<SymbolFact> Symbols { get; init; } = [];
}
