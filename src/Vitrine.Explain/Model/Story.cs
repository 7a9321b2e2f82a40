namespace Vitrine.Explain.Model;

/// <summary>
/// How a virtual machine comes from nothing to its first instruction, and on: what was called, what state was put, what the processor
/// is given and checks, how each instruction is fetched and what it does.
/// </summary>
/// <remarks>As JSON: schema <see cref="CurrentSchema"/>, documented in docs/story-schema.md. Addresses and register values are strings "0x...".</remarks>
public sealed record Story
{
    /// <summary>Name and version of the JSON form. The number rises when a member changes its meaning or goes away, not when one is added.</summary>
    public const string CurrentSchema = "vitrine.story/1";

    /// <summary>Name and version of the form, <see cref="CurrentSchema"/>.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>The machine.</summary>
    public required MachineFacts Machine { get; init; }

    /// <summary>Step 1: every call to the accelerator up to the first entry.</summary>
    public required CreationStory Creation { get; init; }

    /// <summary>Step 2: the vCPU's state and how it was put.</summary>
    public required StateStory State { get; init; }

    /// <summary>Step 3: what VM entry looks like for this state.</summary>
    public required EntryStory Entry { get; init; }

    /// <summary>Steps 4, 5 and on: the instructions that are told, each with fetch and execution.</summary>
    public required IReadOnlyList<InstructionStory> Instructions { get; init; }

    /// <summary>The program that made the calls, where KVM was served to one; else null.</summary>
    public ClientStory? Client { get; init; }

    /// <summary>The machine's other vCPUs, where KVM was served to a program; else empty.</summary>
    public IReadOnlyList<VcpuStory> OtherVcpus { get; init; } = [];

    /// <summary>Where the names of addresses are from; null where no symbols were given.</summary>
    public SymbolStory? Symbols { get; init; }

    /// <summary>Why the story ends where it does.</summary>
    public required StoryEnd End { get; init; }
}
