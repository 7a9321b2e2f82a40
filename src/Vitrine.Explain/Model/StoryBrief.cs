namespace Vitrine.Explain.Model;

/// <summary>A story in brief: what is on one screen of it. How each fact is known stands in the whole story.</summary>
/// <remarks>As JSON: schema <see cref="CurrentSchema"/>, documented in docs/story-schema.md.</remarks>
public sealed record StoryBrief
{
    /// <summary>Name and version of the JSON form; the number rises as that of a story does.</summary>
    public const string CurrentSchema = "vitrine.story-brief/1";

    /// <summary>Name and version of the form, <see cref="CurrentSchema"/>.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>The machine.</summary>
    public required MachineFacts Machine { get; init; }

    /// <summary>The file of the program that KVM was served to; else null.</summary>
    public string? Program { get; init; }

    /// <summary>Where the names of addresses are from; null where no symbols were given.</summary>
    public SymbolStory? Symbols { get; init; }

    /// <summary>The calls, counted.</summary>
    public required BriefCalls Calls { get; init; }

    /// <summary>The vCPUs; the first one comes first.</summary>
    public required IReadOnlyList<BriefVcpu> Vcpus { get; init; }
}
