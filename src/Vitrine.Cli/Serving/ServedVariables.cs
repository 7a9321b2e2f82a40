namespace Vitrine.Cli.Serving;

/// <summary>The variables that the hook, the loader and the core read (native/kvm-hook, Vitrine.KvmServer.Library).</summary>
internal static class ServedVariables
{
    /// <summary>The CPU model.</summary>
    public const string Cpu = "VITRINE_KVM_CPU";

    /// <summary>The engine.</summary>
    public const string Engine = "VITRINE_KVM_SOFT";

    /// <summary>The MMU.</summary>
    public const string Mmu = "VITRINE_KVM_MMU";

    /// <summary>The file that gets a line for each call.</summary>
    public const string Trace = "VITRINE_KVM_TRACE";

    /// <summary>The file that gets counts at the end; "-" for standard error.</summary>
    public const string Statistics = "VITRINE_KVM_STATS";

    /// <summary>The file that gets the story; "-" for standard output.</summary>
    public const string Story = "VITRINE_KVM_EXPLAIN";

    /// <summary>How many instructions the story tells.</summary>
    public const string Instructions = "VITRINE_KVM_INSTRUCTIONS";

    /// <summary>The story's form, "text", "json" or "html"; otherwise its file's name says it.</summary>
    public const string StoryForm = "VITRINE_KVM_STORY_FORM";

    /// <summary>How much of the story is written: "brief", or names of sections.</summary>
    public const string StoryView = "VITRINE_KVM_STORY_VIEW";

    /// <summary>Set where the host's own KVM is watched, and nothing is served.</summary>
    public const string Real = "VITRINE_KVM_REAL";

    /// <summary>The file that names addresses.</summary>
    public const string Symbols = "VITRINE_KVM_SYMBOLS";

    private const string Preload = "LD_PRELOAD";
    private const string Core = "VITRINE_KVM_CORE";
    private const string Loader = "VITRINE_KVM_LOADER";

    /// <summary>All that a process needs in order to be served or watched.</summary>
    public static IEnumerable<(string Name, string Value)> For(ServingParts parts, IEnumerable<(string Name, string Value)> choices) =>
        [(Preload, parts.Hook), (Core, parts.Core), (Loader, parts.Loader), .. choices];
}
