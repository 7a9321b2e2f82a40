using System.Text.RegularExpressions;
using Xunit;

namespace Vitrine.Tests;

/// <summary>
/// The rooms of the software CPU, read from its sources: each is a folder and a namespace, and knows those below it only. An assembly's layers are held by the compiler;
/// these are held here.
/// </summary>
public sealed partial class RoomTests
{
    private const string Root = "Vitrine.Accelerators.Software";

    // From bottom to top. Rooms of one line may know each other. The empty name is the project's own folder.
    private static readonly string[][] s_floors =
    [
        ["FloatingPoint"],
        ["HostCode"],
        ["Cpu"],
        ["Blocks"],
        ["Sharing"],
        ["Apic"],
        ["Mmu"],
        ["System"],
        ["Engines"],
        ["Interpreter"],
        ["HostSignals", "HostExecution", "Translator"],
        ["", "Lockstep"],
    ];

    private static readonly SourceFile[] s_files = [.. ReadFiles()];

    private static string SourceFolder => Path.Combine(RepositoryRoot.Path, "src", Root);

    [Fact]
    public void A_room_knows_lower_rooms_only()
    {
        HashSet<string> upwards = [.. s_files.SelectMany(file => Upwards(file).Select(type => $"{file.Name} names {type}"))];
        Assert.Equal("", string.Join('\n', upwards.Order()));
    }

    [Fact]
    public void A_room_imports_lower_rooms_only()
    {
        IEnumerable<string> upwards = s_files.SelectMany(file => file.Imports
            .Where(import => Floor(RoomOf(import)) > Floor(file.Room))
            .Select(import => $"{file.Name} imports {import}"));
        Assert.Equal("", string.Join('\n', upwards.Order()));
    }

    [Fact]
    public void A_namespace_follows_its_folder()
    {
        foreach (SourceFile file in s_files) Assert.True(RoomOf(file.Namespace) == file.Room, $"{file.Name} is in {file.Namespace}.");
    }

    [Fact]
    public void Every_folder_is_a_room() =>
        Assert.Equal(s_floors.SelectMany(floor => floor).Order(), s_files.Select(file => file.Room).Distinct().Order());

    /// <summary>The types of higher rooms that a file names: by their own names where it can see them, or with their room's.</summary>
    private static IEnumerable<string> Upwards(SourceFile file)
    {
        int floor = Floor(file.Room);
        foreach (SourceFile other in s_files.Where(other => Floor(other.Room) > floor))
        {
            bool visible = other.Room.Length == 0 || file.Imports.Contains(other.Namespace);
            foreach (string type in other.Types)
            {
                if ((visible && file.Names.Contains(type)) || file.Names.Contains($"{other.Room}.{type}") || file.Names.Contains($"Software.{type}")) yield return type;
            }
        }
    }

    private static int Floor(string room)
    {
        int floor = Array.FindIndex(s_floors, rooms => rooms.Contains(room));
        Assert.True(floor >= 0, $"{room} has no place among the rooms yet.");
        return floor;
    }

    private static string RoomOf(string space) => space.Length <= Root.Length ? "" : space[(Root.Length + 1)..].Split('.')[0];

    private static IEnumerable<SourceFile> ReadFiles()
    {
        foreach (string path in Directory.GetFiles(SourceFolder, "*.cs", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(SourceFolder, path).Replace('\\', '/');
            if (name.StartsWith("obj/", StringComparison.Ordinal) || name.StartsWith("bin/", StringComparison.Ordinal) || name == "GlobalUsings.cs") continue;
            string code = CommentOrString().Replace(File.ReadAllText(path), "");
            yield return new SourceFile(
                name,
                name.Contains('/', StringComparison.Ordinal) ? name.Split('/')[0] : "",
                Namespace().Match(code).Groups[1].Value,
                [.. Import().Matches(code).Select(match => match.Groups[1].Value).Where(import => import.StartsWith(Root, StringComparison.Ordinal))],
                [.. Declaration().Matches(code).Select(match => match.Groups[1].Value)],
                [.. Name().Matches(code).Select(match => match.Value), .. QualifiedName().Matches(code).Select(match => match.Groups[1].Value)]);
        }
    }

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/|""(?:\\.|[^""\\\n])*""", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using (?:static |\w+ = )?([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Import();

    [GeneratedRegex(@"^(?:\w+ )*(?:class|struct|interface|enum|record|record struct) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    // Not behind a dot or an arrow, where it is a member.
    [GeneratedRegex(@"(?<![\w.>])[A-Z]\w*")]
    private static partial Regex Name();

    [GeneratedRegex(@"(?=\b([A-Z]\w*\.[A-Z]\w*))")]
    private static partial Regex QualifiedName();

    private sealed record SourceFile(string Name, string Room, string Namespace, HashSet<string> Imports, HashSet<string> Types, HashSet<string> Names);
}
