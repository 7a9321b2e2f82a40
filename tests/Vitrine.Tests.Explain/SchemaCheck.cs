using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Vitrine.Tests.Explain;

/// <summary>Checks JSON against a JSON Schema, as far as the schema of a story uses it.</summary>
internal static class SchemaCheck
{
    private static readonly HashSet<string> s_known =
        ["$schema", "$ref", "$comment", "title", "description", "type", "properties", "required", "items", "enum", "const", "pattern"];

    public static void Check(JsonNode root, JsonNode? schema, JsonNode? value, string path, List<string> errors)
    {
        if (schema is not JsonObject rules) return;
        foreach ((string name, _) in rules) if (!s_known.Contains(name)) errors.Add($"{path}: the check doesn't know {name}");
        if (rules["$ref"] is { } reference)
        {
            Check(root, Resolve(root, reference.GetValue<string>()), value, path, errors);
            return;
        }

        if (rules["type"] is { } type && !Types(type).Contains(TypeOf(value))) errors.Add($"{path}: {TypeOf(value)} instead of {type.ToJsonString()}");
        if (rules["enum"] is JsonArray words && !words.Any(word => JsonNode.DeepEquals(word, value))) errors.Add($"{path}: {value?.ToJsonString()} is none of {words.ToJsonString()}");
        if (rules["const"] is { } constant && !JsonNode.DeepEquals(constant, value)) errors.Add($"{path}: {value?.ToJsonString()} instead of {constant.ToJsonString()}");
        if (rules["pattern"] is { } pattern && value?.GetValueKind() == JsonValueKind.String && !Regex.IsMatch(value.GetValue<string>(), pattern.GetValue<string>()))
        {
            errors.Add($"{path}: {value.ToJsonString()} doesn't match {pattern}");
        }

        if (value is JsonObject members)
        {
            foreach (JsonNode? required in rules["required"] as JsonArray ?? [])
            {
                if (!members.ContainsKey(required!.GetValue<string>())) errors.Add($"{path}: no {required}");
            }

            foreach ((string name, JsonNode? member) in members)
            {
                JsonObject properties = (JsonObject)rules["properties"]!;
                if (!properties.TryGetPropertyValue(name, out JsonNode? rule)) errors.Add($"{path}: {name} isn't in the schema");
                else Check(root, rule, member, $"{path}/{name}", errors);
            }
        }

        if (value is JsonArray items) foreach (JsonNode? item in items) Check(root, rules["items"], item, $"{path}/*", errors);
    }

    private static JsonNode? Resolve(JsonNode root, string pointer)
    {
        JsonNode? node = root;
        foreach (string step in pointer.Split('/').Skip(1)) node = node?[step];
        return node;
    }

    private static IEnumerable<string> Types(JsonNode type) => type is JsonArray many ? many.Select(one => one!.GetValue<string>()) : [type.GetValue<string>()];

    private static string TypeOf(JsonNode? value) => value?.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => "integer",
        _ => "null",
    };
}
