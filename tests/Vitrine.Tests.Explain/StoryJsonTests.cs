using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Vitrine.Explain.Entry;
using Vitrine.Explain.Json;
using Vitrine.Explain.Model;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Explain;

public sealed class StoryJsonTests
{
    /// <summary>With VITRINE_WRITE_GOLDEN=1 the files are written instead of compared.</summary>
    [Theory]
    [InlineData("story.schema.json")]
    [InlineData("story-brief.schema.json")]
    public void TheSchemaInDocsIsTheSerialisers(string file)
    {
        string path = Path.Combine(RepositoryRoot.Path, "docs", file);
        string schema = file.Contains("brief", StringComparison.Ordinal) ? StorySchema.ExportBrief() : StorySchema.Export();
        if (Environment.GetEnvironmentVariable("VITRINE_WRITE_GOLDEN") == "1") File.WriteAllText(path, schema);
        Assert.Equal(File.ReadAllText(path), schema);
    }

    [Fact]
    public void EveryMemberOfTheSchemaIsDescribed()
    {
        List<string> missing = [];
        Visit(JsonNode.Parse(StorySchema.Export())!, "", missing);
        Visit(JsonNode.Parse(StorySchema.ExportBrief())!, "", missing);
        Assert.Empty(missing);

        static void Visit(JsonNode node, string path, List<string> missing)
        {
            if (node is JsonArray array)
            {
                foreach (JsonNode? item in array) if (item is not null) Visit(item, path, missing);
                return;
            }

            if (node is not JsonObject schema) return;
            foreach ((string name, JsonNode? value) in schema)
            {
                if (value is null) continue;
                if (name != "properties")
                {
                    Visit(value, path, missing);
                    continue;
                }

                foreach ((string member, JsonNode? type) in value.AsObject())
                {
                    // The exporter writes a type that it has written already as a reference, which takes no description.
                    if (type is JsonObject described && !described.ContainsKey("description") && !described.ContainsKey("$ref")) missing.Add($"{path}/{member}");
                    if (type is not null) Visit(type, $"{path}/{member}", missing);
                }
            }
        }
    }

    [Fact]
    public void SamplesKeepToTheSchema()
    {
        JsonNode schema = JsonNode.Parse(StorySchema.Export())!;
        foreach (Story story in SampleStory.All)
        {
            List<string> errors = [];
            SchemaCheck.Check(schema, schema, JsonNode.Parse(Json(story)), "", errors);
            Assert.Empty(errors);
        }
    }

    [Fact]
    public void SamplesInBriefKeepToTheirSchema()
    {
        JsonNode schema = JsonNode.Parse(StorySchema.ExportBrief())!;
        foreach (Story story in SampleStory.All)
        {
            List<string> errors = [];
            SchemaCheck.Check(schema, schema, JsonNode.Parse(Json(story, StoryView.Brief)), "", errors);
            Assert.Empty(errors);
        }
    }

    /// <summary>A section's members are those of the whole story, and the others aren't there; nothing says that it is a whole story.</summary>
    [Theory]
    [InlineData("state,end", "schema state otherVcpus end")]
    [InlineData("creation", "schema creation client otherVcpus")]
    [InlineData("machine, entry", "schema machine entry symbols otherVcpus")]
    [InlineData("execution", "schema instructions symbols otherVcpus")]
    public void SectionsAreMembersOfTheStory(string sections, string members)
    {
        Story story = SampleStory.Linux with { OtherVcpus = [new VcpuStory(1, SampleStory.Linux.State, SampleStory.Linux.Entry, SampleStory.Linux.Instructions, SampleStory.Linux.End)] };
        JsonObject part = JsonNode.Parse(Json(story, StoryView.Of(sections)))!.AsObject();
        JsonObject whole = JsonNode.Parse(Json(story))!.AsObject();
        Assert.Equal(members.Split(' ').Order(), part.Select(member => member.Key).Order());
        Assert.Equal("vitrine.story-sections/1", part["schema"]!.GetValue<string>());
        Assert.All(part.Where(member => member.Key is not ("schema" or "instructions" or "otherVcpus")), member => Assert.True(JsonNode.DeepEquals(whole[member.Key], member.Value)));
        Assert.Equal(
            members.Split(' ').Except(["schema", "otherVcpus", "machine", "creation", "client", "symbols"]).Append("vcpu").Order(),
            part["otherVcpus"]![0]!.AsObject().Select(member => member.Key).Order());
        if (part["instructions"] is not JsonArray instructions) return;
        Assert.All(instructions, instruction => Assert.Equal(["number", "execution", "symbols"], instruction!.AsObject().Select(member => member.Key)));
    }

    /// <summary>Folding concerns readers of text and HTML: in JSON each check is there.</summary>
    [Fact]
    public void EachCheckIsThere()
    {
        JsonNode entry = JsonNode.Parse(Json(SampleStory.Refused, StoryView.Of("entry")))!["entry"]!;
        Assert.Equal(
            SampleStory.Refused.Entry.Modes.Select(mode => mode.Checks.Count),
            entry["modes"]!.AsArray().Select(mode => mode!["checks"]!.AsArray().Count));
    }

    /// <summary>What the check above must be able to see: a number that isn't a string, a missing member, an unknown evidence.</summary>
    [Theory]
    [InlineData("\"memoryBytes\": \"0x4000000\"", "\"memoryBytes\": 67108864")]
    [InlineData("\"memoryBytes\": \"0x4000000\"", "\"memoryBytes\": \"67108864\"")]
    [InlineData("\"memoryBytes\": \"0x4000000\",", "")]
    [InlineData("\"evidence\": \"Observed\"", "\"evidence\": \"Guessed\"")]
    [InlineData("vitrine.story/1", "vitrine.story/2")]
    [InlineData("\"cpuModel\": \"qemu64\"", "\"cpuModel\": null")]
    public void AWrongStoryDoesNotKeepToTheSchema(string right, string wrong)
    {
        JsonNode schema = JsonNode.Parse(StorySchema.Export())!;
        string json = Json(SampleStory.Linux);
        Assert.Contains(right, json, StringComparison.Ordinal);
        List<string> errors = [];
        SchemaCheck.Check(schema, schema, JsonNode.Parse(json.Replace(right, wrong, StringComparison.Ordinal)), "", errors);
        Assert.NotEmpty(errors);
    }

    [Fact]
    public void AStoryComesBackAsItWas()
    {
        foreach (Story story in SampleStory.All)
        {
            string json = Json(story);
            Story back = JsonSerializer.Deserialize(json, StoryJson.StoryType)!;
            Assert.Equivalent(story, back, strict: true);
            Assert.Equal(json, Json(back));
        }
    }

    [Fact]
    public void AddressesAreHexadecimalStrings()
    {
        JsonNode story = JsonNode.Parse(Json(SampleStory.SeaBios))!;
        JsonNode translation = story["instructions"]![0]!["fetch"]!["translation"]!;
        Assert.Equal("0xfffffff0", translation["linear"]!.GetValue<string>());
        Assert.Equal("0x0", translation["cr3"]!.GetValue<string>());
        Assert.Equal("vitrine.story/1", story["schema"]!.GetValue<string>());
    }

    /// <summary>Each member that a reader of the JSON may meet, and each word of a member with few words, is told in the document.</summary>
    [Fact]
    public void TheDocumentTellsEveryMember()
    {
        string document = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "story-schema.md"));
        HashSet<string> members = [];
        foreach (Match match in Regex.Matches(StorySchema.Export() + StorySchema.ExportBrief(), "\"([a-zA-Z0-9]+)\": \\{\\s+\"description\"")) members.Add(match.Groups[1].Value);
        Assert.True(members.Count > 60);
        Assert.All(members, member => Assert.Contains($"`{member}`", document, StringComparison.Ordinal));
        foreach (string word in (string[])["Observed", "Derived", "passed", "failed", "not applicable", "not checked", "instructions", "address", "exit", "timeout", "guest", "kvm", "soft", "shadow", "two-dimensional"])
        {
            Assert.Contains($"`{word}`", document, StringComparison.Ordinal);
        }
    }

    /// <summary>What the document has as examples of names to be compared are names that a story can have, and its words are all of them.</summary>
    [Fact]
    public void TheDocumentsNamesExist()
    {
        string document = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "story-schema.md"));
        EntryStory entry = EntryExplanation.Of(ResetState.Create(0, 0x663), []);
        EntryCheckFact[] checks = [.. entry.Modes.SelectMany(mode => mode.Checks)];
        EntryFieldFact[] fields = [.. entry.Modes.SelectMany(mode => mode.Fields)];
        EntryCheckFact example = Assert.Single(checks.Where(check => check.Rule == Example("rule")).DistinctBy(check => check.Section), check => check.Section == Example("section"));
        Assert.Contains("of SDM vol. 3", Row("section"), StringComparison.Ordinal);
        Assert.Equal("SDM vol. 3, " + example.Section, EntryRules.Vmx.Single(rule => rule.Id == example.Rule).Manual);
        Assert.Contains(fields, field => field.Location == Example("location") && document.Contains($"`\"{field.Name}\"`", StringComparison.Ordinal));
        Assert.Contains(fields, field => Row("value", "only the host").Contains($"`{field.Value}`", StringComparison.Ordinal));
        Assert.NotNull(CpuModels.Find(Example("cpuModel")));
        // The state after reset has all four: it fails where real mode must be virtual-8086 mode.
        IEnumerable<string> words = Regex.Matches(Row("outcome", "passed"), "`([a-z ]+)`").Skip(1).Select(match => match.Groups[1].Value);
        Assert.Equal(checks.Select(check => check.Outcome).Distinct().Order(), words.Order());

        string Row(string member, string containing = "") =>
            document.Split('\n').First(line => line.StartsWith($"| `{member}` |", StringComparison.Ordinal) && line.Contains(containing, StringComparison.Ordinal));
        string Example(string member) => Regex.Match(Row(member), "`\"([^\"]+)\"` \\|$").Groups[1].Value;
    }

    private static string Json(Story story, StoryView? view = null)
    {
        using MemoryStream output = new();
        StoryJson.Write(story, output, view);
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
