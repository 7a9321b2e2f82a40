using System.Text.RegularExpressions;
using Xunit;

namespace Vitrine.Tests;

/// <summary>
/// The rooms of an assembly, read from its sources: each is a folder and a namespace, and knows those below it only. An assembly's layers are held by the compiler;
/// these are held here.
/// </summary>
public sealed partial class RoomTests
{
    // Of each assembly from bottom to top. Rooms of one line may know each other. The empty name is the project's own folder.
    private static readonly Dictionary<string, string[][]> s_houses = new()
    {
        ["Vitrine.Kvm.Abi"] =
        [
            [""],
            ["Codec"],
        ],
        ["Vitrine.Accelerators.Kvm"] =
        [
            ["Native"],
            ["State", "Vm", "Run", "Probe"],
            ["Trace"],
            [""],
        ],
        ["Vitrine.Accelerators.Software"] =
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
            ["NativeUser"],
            ["", "Lockstep"],
        ],
        ["Vitrine.KvmServer"] =
        [
            ["Native"],
            ["Irqchip"],
            ["Events"],
            ["Engine"],
            ["Capabilities"],
            ["State"],
            ["Watch"],
            ["Run"],
            ["", "Files", "Trace"],
        ],
        ["Vitrine"] =
        [
            ["Acpi", "Attachments"],
            ["", "Boards", "Boot", "Run", "State"],
        ],
        ["Vitrine.Explain"] =
        [
            ["Model"],
            ["Fetch", "Symbols"],
            ["State", "Entry", "EntryDumps", "Execution"],
            ["Served", "Brief"],
            ["Text"],
            ["Html", "Json"],
            [""],
        ],
    };

    public static TheoryData<string> Assemblies => [.. s_houses.Keys];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void ARoomKnowsLowerRoomsOnly(string assembly)
    {
        House house = new(assembly);
        IEnumerable<string> upwards = house.Files.SelectMany(file => house.Upwards(file).Select(type => $"{file.Name} names {type}"));
        Assert.Equal("", string.Join('\n', upwards.Distinct().Order()));
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void ARoomImportsLowerRoomsOnly(string assembly)
    {
        House house = new(assembly);
        IEnumerable<string> upwards = house.Files.SelectMany(file => file.Imports
            .Where(import => house.Floor(house.RoomOf(import)) > house.Floor(file.Room))
            .Select(import => $"{file.Name} imports {import}"));
        Assert.Equal("", string.Join('\n', upwards.Order()));
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void ANamespaceFollowsItsFolder(string assembly)
    {
        House house = new(assembly);
        foreach (SourceFile file in house.Files) Assert.True(house.RoomOf(file.Namespace) == file.Room, $"{file.Name} is in {file.Namespace}.");
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void EveryFolderIsARoom(string assembly) => Assert.Equal(
        s_houses[assembly].SelectMany(floor => floor).Order(), new House(assembly).Files.Select(file => file.Room).Distinct().Order());

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

    /// <summary>An assembly with its sources.</summary>
    private sealed class House
    {
        private readonly string _root;
        private readonly string[][] _floors;

        public House(string assembly)
        {
            (_root, _floors) = (assembly, s_houses[assembly]);
            Files = [.. ReadFiles(Path.Combine(RepositoryRoot.Path, "src", assembly))];

            // Namespaces of other assemblies may begin alike.
            HashSet<string> own = [.. Files.Select(file => file.Namespace)];
            foreach (SourceFile file in Files) file.Imports.IntersectWith(own);
        }

        public SourceFile[] Files { get; }

        /// <summary>The types of higher rooms that a file names: by their own names where it can see them, or with their room's.</summary>
        public IEnumerable<string> Upwards(SourceFile file)
        {
            int floor = Floor(file.Room);
            string last = _root.Split('.')[^1];
            foreach (SourceFile other in Files.Where(other => Floor(other.Room) > floor))
            {
                bool visible = other.Room.Length == 0 || file.Imports.Contains(other.Namespace);
                foreach (string type in other.Types)
                {
                    if ((visible && file.Names.Contains(type)) || file.Names.Contains($"{other.Room}.{type}") || file.Names.Contains($"{last}.{type}")) yield return type;
                }
            }
        }

        public int Floor(string room)
        {
            int floor = Array.FindIndex(_floors, rooms => rooms.Contains(room));
            Assert.True(floor >= 0, $"{room} of {_root} has no place among the rooms yet.");
            return floor;
        }

        public string RoomOf(string space) => space.Length <= _root.Length ? "" : space[(_root.Length + 1)..].Split('.')[0];

        private static IEnumerable<SourceFile> ReadFiles(string folder)
        {
            foreach (string path in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories))
            {
                string name = Path.GetRelativePath(folder, path).Replace('\\', '/');
                if (name.StartsWith("obj/", StringComparison.Ordinal) || name.StartsWith("bin/", StringComparison.Ordinal) || name is "GlobalUsings.cs" or "AssemblyInfo.cs") continue;
                string code = CommentOrString().Replace(File.ReadAllText(path), "");
                yield return new SourceFile(
                    name,
                    name.Contains('/', StringComparison.Ordinal) ? name.Split('/')[0] : "",
                    Namespace().Match(code).Groups[1].Value,
                    [.. Import().Matches(code).Select(match => match.Groups[1].Value)],
                    [.. Declaration().Matches(code).Select(match => match.Groups[1].Value)],
                    [.. Name().Matches(code).Select(match => match.Value), .. QualifiedName().Matches(code).Select(match => match.Groups[1].Value)]);
            }
        }
    }
}
