using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Json;

/// <summary>Serialisers of a story, made at build time.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(HexNumberConverter)])]
[JsonSerializable(typeof(Story))]
[JsonSerializable(typeof(StoryBrief))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(TranslationStory))]
internal sealed partial class StoryJsonContext : JsonSerializerContext;
