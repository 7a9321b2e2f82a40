using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Explain.Brief;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Json;

/// <summary>A story as JSON, schema <see cref="Story.CurrentSchema"/>; see docs/story-schema.md.</summary>
public static class StoryJson
{
    // The output is a file or a terminal, never part of a page: "µ" and "->" needn't be escaped.
    private static readonly StoryJsonContext s_context = new(new JsonSerializerOptions(StoryJsonContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Writes a story.</summary>
    /// <param name="story">The story.</param>
    /// <param name="output">Where to.</param>
    /// <param name="view">How much of it; null for the whole. Of sections only their members are written; the story in brief has a schema of its own.</param>
    public static void Write(Story story, Stream output, StoryView? view = null)
    {
        ArgumentNullException.ThrowIfNull(story);
        ArgumentNullException.ThrowIfNull(output);
        if (view is { IsBrief: true }) JsonSerializer.Serialize(output, StoryBriefing.Of(story), s_context.StoryBrief);
        else if (view is null || view.Sections == StorySections.All) JsonSerializer.Serialize(output, story, s_context.Story);
        else JsonSerializer.Serialize(output, JsonSections.Of(JsonSerializer.SerializeToNode(story, s_context.Story)!.AsObject(), view), s_context.JsonObject);
        output.WriteByte((byte)'\n');
    }

    /// <summary>Writes the story of one address.</summary>
    public static void Write(TranslationStory story, Stream output)
    {
        JsonSerializer.Serialize(output, story, s_context.TranslationStory);
        output.WriteByte((byte)'\n');
    }

    /// <summary>The type's contract, from which the documented schema is checked.</summary>
    internal static JsonTypeInfo<Story> StoryType => s_context.Story;

    /// <summary>The same of the story in brief.</summary>
    internal static JsonTypeInfo<StoryBrief> BriefType => s_context.StoryBrief;
}
