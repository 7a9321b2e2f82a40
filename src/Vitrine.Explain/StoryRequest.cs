using Vitrine.Explain.Symbols;

namespace Vitrine.Explain;

/// <summary>How far a story goes.</summary>
public sealed record StoryRequest
{
    /// <summary>The most instructions that are told one by one.</summary>
    public const ulong MostTold = 1000;

    /// <summary>Tell this many instructions, from the first on: 1 to <see cref="MostTold"/>. Ignored with the other two.</summary>
    public ulong Instructions { get; init; } = 1;

    /// <summary>Tell the first instruction, run on to this linear address, and tell the instruction there. Null: not.</summary>
    public ulong? Until { get; init; }

    /// <summary>Tell the first instruction, run on to the first exit for a device, and tell the instruction that caused it.</summary>
    public bool UntilExit { get; init; }

    /// <summary>Names addresses; null for none.</summary>
    public SymbolTable? Symbols { get; init; }

    /// <summary>How long the guest may run in all; null for ever.</summary>
    public TimeSpan? Timeout { get; init; }
}
