using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Xml.Linq;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Json;
using Vitrine.Explain.Model;

namespace Vitrine.Tests.Explain;

/// <summary>The JSON Schema of a story, made from the serialiser's contract and the XML documentation of the model.</summary>
internal static class StorySchema
{
    private static readonly Dictionary<string, XElement> s_documentation = Load(typeof(Story).Assembly, typeof(CallRecord).Assembly);

    private static readonly JsonSerializerOptions s_format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The schema of a story as the text of its file.</summary>
    public static string Export() => Export(StoryJson.StoryType, Story.CurrentSchema);

    /// <summary>The same of the story in brief.</summary>
    public static string ExportBrief() => Export(StoryJson.BriefType, StoryBrief.CurrentSchema);

    private static string Export(JsonTypeInfo type, string name)
    {
        JsonNode schema = type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, node) => Describe(context, node, name),
        });
        JsonObject root = new()
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = name,
        };
        foreach ((string member, JsonNode? value) in schema.AsObject()) root[member] = value?.DeepClone();
        return root.ToJsonString(s_format) + "\n";
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode schema, string name)
    {
        Type type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        JsonObject result = schema as JsonObject ?? [];
        if (type == typeof(ulong))
        {
            bool nullable = context.TypeInfo.Type != type;
            result["type"] = nullable ? new JsonArray("string", "null") : JsonValue.Create("string");
            result["pattern"] = "^0x(0|[1-9a-f][0-9a-f]{0,15})$";
        }

        if (context.PropertyInfo is { Name: "schema" }) result["const"] = name;
        if (Description(context, name) is { } text && !result.ContainsKey("$ref")) result.Insert(0, "description", text);
        return result;
    }

    private static string? Description(JsonSchemaExporterContext context, string name) =>
        DescriptionOf(context)?.Replace(nameof(Story.CurrentSchema), $"\"{name}\"", StringComparison.Ordinal);

    private static string? DescriptionOf(JsonSchemaExporterContext context)
    {
        if (context.PropertyInfo is not { } property) return context.Path.Length == 0 ? Summary($"T:{context.TypeInfo.Type}") : null;
        if (property.DeclaringType == typeof(KeyValuePair<string, string>)) return property.Name == "key" ? "Its name." : "Its value as text.";
        string member = ((MemberInfo)property.AttributeProvider!).Name;
        return Summary($"P:{property.DeclaringType}.{member}") ?? Parameter(property.DeclaringType, member);
    }

    private static string? Summary(string member) =>
        s_documentation.TryGetValue(member, out XElement? element) && element.Element("summary") is { } summary ? Plain(summary) : null;

    // A record's parameters are documented on its type, or on the constructor in the file that the compiler writes.
    private static string? Parameter(Type type, string name) => s_documentation
        .Where(entry => entry.Key == $"T:{type.FullName}" || entry.Key.StartsWith($"M:{type.FullName}.#ctor", StringComparison.Ordinal))
        .SelectMany(entry => entry.Value.Elements("param"))
        .Where(parameter => parameter.Attribute("name")!.Value == name)
        .Select(Plain)
        .FirstOrDefault();

    private static string Plain(XElement element)
    {
        string text = string.Concat(element.Nodes().Select(node => node switch
        {
            XText words => words.Value,
            XElement { Name.LocalName: "paramref" } reference => JsonNamingPolicy.CamelCase.ConvertName(reference.Attribute("name")!.Value),
            XElement reference => reference.Attribute("cref")!.Value.Split('.')[^1],
            _ => "",
        }));
        return string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    private static Dictionary<string, XElement> Load(params Assembly[] assemblies) => assemblies
        .SelectMany(assembly => XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member"))
        .ToDictionary(member => member.Attribute("name")!.Value);
}
