using System.Text.Json.Nodes;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Json;

/// <summary>Leaves out of a story what belongs to sections that nobody asked for. What is left is as in the whole story.</summary>
internal static class JsonSections
{
    /// <summary>Name and version of the form: a story with members missing keeps to no schema of a story.</summary>
    public const string Schema = "vitrine.story-sections/1";

    private const StorySections Fetch = StorySections.Fetch | StorySections.Drawing;

    private static readonly (string Member, StorySections Sections)[] s_members =
    [
        ("machine", StorySections.Machine),
        ("creation", StorySections.Creation),
        ("client", StorySections.Creation),
        ("state", StorySections.State),
        ("entry", StorySections.Entry),
        ("instructions", Fetch | StorySections.Execution),
        ("symbols", StorySections.Machine | Fetch | StorySections.Execution),
        ("end", StorySections.End),
    ];

    /// <summary>Removes the members of the other sections, also from the other vCPUs.</summary>
    public static JsonObject Of(JsonObject story, StoryView view)
    {
        story["schema"] = Schema;
        Keep(story, view);
        foreach (JsonNode? vcpu in story["otherVcpus"]!.AsArray()) Keep(vcpu!.AsObject(), view);
        return story;
    }

    private static void Keep(JsonObject story, StoryView view)
    {
        foreach ((string member, StorySections sections) in s_members)
        {
            if (!view.Has(sections)) story.Remove(member);
        }

        if (story["instructions"] is not JsonArray instructions) return;
        foreach (JsonNode? instruction in instructions)
        {
            if (!view.Has(Fetch)) instruction!.AsObject().Remove("fetch");
            if (!view.Has(StorySections.Execution)) instruction!.AsObject().Remove("execution");
        }
    }
}
