using Vitrine.Errors;

namespace Vitrine.Explain.Model;

/// <summary>How much of a story is written: the whole, some sections of it, or the story in brief.</summary>
public sealed record StoryView
{
    private const string BriefName = "brief";

    private static readonly (string Name, StorySections Section)[] s_names =
    [
        ("machine", StorySections.Machine),
        ("creation", StorySections.Creation),
        ("state", StorySections.State),
        ("entry", StorySections.Entry),
        ("drawing", StorySections.Drawing),
        ("fetch", StorySections.Fetch),
        ("execution", StorySections.Execution),
        ("end", StorySections.End),
    ];

    private StoryView(StorySections sections, bool isBrief) => (Sections, IsBrief) = (sections, isBrief);

    /// <summary>All of it.</summary>
    public static StoryView Whole { get; } = new(StorySections.All, isBrief: false);

    /// <summary>On one screen: the way of the fetch, what each instruction did, and what failed.</summary>
    public static StoryView Brief { get; } = new(StorySections.All, isBrief: true);

    /// <summary>The names of the sections, in the order in which they are written.</summary>
    public static IReadOnlyList<string> SectionNames { get; } = [.. s_names.Select(static entry => entry.Name)];

    /// <summary>What is written; all of it where the story is told in brief.</summary>
    public StorySections Sections { get; }

    /// <summary>The story is told in brief.</summary>
    public bool IsBrief { get; }

    /// <summary>Some sections.</summary>
    /// <param name="names">Their names, with commas between.</param>
    /// <exception cref="VitrineException"><see cref="ErrorCode.StorySection"/>: no section has such a name.</exception>
    public static StoryView Of(string names)
    {
        ArgumentNullException.ThrowIfNull(names);
        StorySections sections = StorySections.None;
        foreach (string name in names.Split(',', StringSplitOptions.TrimEntries)) sections |= Find(name) ?? throw Unknown(name);
        return new StoryView(sections, isBrief: false);
    }

    /// <summary>What <see cref="ToString"/> has written.</summary>
    /// <returns>The whole story where it is anything else.</returns>
    public static StoryView Parse(string? text)
    {
        if (text is null) return Whole;
        if (text == BriefName) return Brief;
        StorySections sections = text.Split(',').Aggregate(StorySections.None, static (all, name) => all | (Find(name) ?? StorySections.None));
        return sections == StorySections.None ? Whole : new StoryView(sections, isBrief: false);
    }

    /// <summary>A section is written.</summary>
    public bool Has(StorySections section) => (Sections & section) != 0;

    /// <summary>"brief", or the names of the sections.</summary>
    public override string ToString() => IsBrief ? BriefName : string.Join(',', s_names.Where(entry => Has(entry.Section)).Select(static entry => entry.Name));

    private static StorySections? Find(string name)
    {
        foreach ((string known, StorySections section) in s_names) if (known == name) return section;
        return null;
    }

    private static VitrineException Unknown(string name) => VitrineException.User(
        ErrorCode.StorySection,
        name.Length == 0 ? "The name of a section is empty." : $"'{name}' is not a section of a story.",
        $"The sections are {string.Join(", ", SectionNames.Take(SectionNames.Count - 1))} and {SectionNames[^1]}.",
        $"{Suggestion.For(name, [.. SectionNames])}Give one or more of them, with commas between.")
        .With("section", name);
}
