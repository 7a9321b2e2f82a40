using Vitrine.X86.State;

namespace Vitrine.Accelerators.Translation;

/// <summary>What ended a run in lockstep: a block that the translator and the interpreter did not execute alike.</summary>
public sealed record LockstepDifference
{
    /// <summary>RIP of the block's first instruction.</summary>
    public required ulong BlockRip { get; init; }

    /// <summary>RIP at which translated code left the block.</summary>
    public required ulong Rip { get; init; }

    /// <summary>Blocks that agreed before.</summary>
    public required ulong BlocksCompared { get; init; }

    /// <summary>The RIPs that the interpreter came to, from the block's first instruction to where it stopped.</summary>
    public required IReadOnlyList<ulong> InterpreterPath { get; init; }

    /// <summary>What differs at <see cref="Rip"/>. Empty when the interpreter never came there.</summary>
    public required IReadOnlyList<ValueDifference> Differences { get; init; }

    /// <summary>RIP of the instruction that is probably translated wrongly; null when nothing points at one.</summary>
    public required ulong? SuspectRip { get; init; }

    /// <summary>Why it is suspected: one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>The registers before the block.</summary>
    public required IReadOnlyList<RegisterValue> Before { get; init; }

    /// <summary>The block, guest code beside host code.</summary>
    public required BlockListing Listing { get; init; }
}
