using System.Text.Json.Serialization;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Serialisers made at compile time, as NativeAOT needs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    MaxDepth = 8)]
[JsonSerializable(typeof(EntryDocument))]
[JsonSerializable(typeof(EntryCheckDocument))]
internal sealed partial class EntryJsonContext : JsonSerializerContext;
