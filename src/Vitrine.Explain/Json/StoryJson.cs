using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
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
    public static void Write(Story story, Stream output)
    {
        JsonSerializer.Serialize(output, story, s_context.Story);
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
}
