using System.Text.RegularExpressions;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Errors;

/// <summary>Codes of errors: a stable list, named at every place that raises one, and texts of the library that speak of no program's options.</summary>
public sealed partial class ErrorCodeTests
{
    // A code that programs may know by now is not renamed, and none is taken away.
    private const string Known = """
        memory.zero
        memory.unaligned
        memory.out-of-range
        memory.beyond-host
        memory.refused
        memory.shared-refused
        memory.slot-invalid
        memory.slot-overlap
        memory.alias-out-of-range
        cpu.count
        cpu.store-order
        cpu.model-unknown
        cpu.model-not-interpreted
        cpu.model-beyond-host
        config.mmu-on-kvm
        config.engine-on-kvm
        config.user-code-on-kvm
        config.devices
        config.disk-serial
        config.shadow-cpus
        config.lockstep-engine
        config.lockstep-cpus
        config.translator-host
        translator.mode-interpreted
        translator.no-block
        translator.no-memory
        translator.memory-refused
        io.no-thread
        kvm.node-missing
        kvm.node-denied
        kvm.node-dead
        kvm.too-many-files
        kvm.architecture
        kvm.api-version
        kvm.capability-missing
        kvm.optional-capability-missing
        kvm.map-failed
        kvm.signal-failed
        kvm.msr-refused
        kvm.malformed
        kvm.busy
        kvm.forbidden
        kvm.no-memory
        kvm.vcpu-limit
        kvm.slot-limit
        kvm.cpuid-limit
        kvm.call-failed
        kvm.unexplained
        kvm.probe-failed
        image.path-empty
        image.missing
        image.unreadable
        image.not-regular
        image.empty
        image.read-failed
        image.truncated
        image.invalid
        disk.missing
        disk.denied
        disk.not-regular
        disk.open-failed
        disk.not-created
        disk.in-use
        disk.format-other
        disk.size
        boot.no-room
        boot.overlap
        boot.no-slot
        boot.entry-outside
        boot.entry-unreachable
        boot.command-line-too-long
        boot.command-line-zero-byte
        initramfs.path
        initramfs.taken
        acpi.no-room
        state.invalid
        state.configuration
        story.length
        story.section
        dump.number
        dump.twice
        dump.cut-off
        dump.unknown
        dump.only-announced
        dump.binary
        dump.too-long
        dump.json
        """;

    // Options of other programs, and properties of style sheets.
    private static readonly string[] s_foreign =
    [
        "Vitrine.Accelerators.Kvm/HostFacts.cs --device",
        "Vitrine.Accelerators.Kvm/Native/KvmError.cs --device",
        "Vitrine.Accelerators.Kvm/Native/NodeRights.cs --device",
        "Vitrine.Accelerators.Kvm/Native/NodeRights.cs --group-add",
    ];

    private static readonly (string Name, string Code)[] s_sources = [.. ReadSources()];

    [Fact]
    public void TheListIsStable() => Assert.Equal(Known.Split('\n').Order(), ErrorCodes.All.Values.Order());

    [Fact]
    public void EveryErrorNamesItsCode()
    {
        var unnamed = s_sources.SelectMany(source => Raised().Matches(source.Code)
            .Where(match => !ErrorCodes.All.ContainsKey(match.Groups["library"].Value) && !match.Groups["other"].Success)
            .Select(match => $"{source.Name}: {match.Value}"));
        Assert.Equal("", string.Join('\n', unnamed));
        Assert.DoesNotContain(s_sources, source => source.Code.Contains("new VitrineException(", StringComparison.Ordinal));
    }

    [Fact]
    public void EveryCodeIsRaisedInTheLibrary()
    {
        string library = string.Concat(s_sources.Where(source => !source.Name.StartsWith("Vitrine.Cli/", StringComparison.Ordinal)).Select(source => source.Code));
        Assert.All(ErrorCodes.All.Keys, name => Assert.Contains($"ErrorCode.{name}", library, StringComparison.Ordinal));
    }

    [Fact]
    public void TheLibraryNamesNoOptions()
    {
        IEnumerable<string> named = s_sources
            .Where(source => !source.Name.StartsWith("Vitrine.Cli/", StringComparison.Ordinal) && !source.Name.EndsWith("/StoryStyle.cs", StringComparison.Ordinal))
            .SelectMany(source => Option().Matches(source.Code).Select(match => $"{source.Name} {match.Value}"));
        Assert.Equal(s_foreign, named.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ValuesAreThereByName()
    {
        VitrineException error = VitrineException.User(ErrorCode.CpuCount, "What.", "Why.", "Remedy.").With("cpus", 9).With("maximum", 8);
        Assert.Equal(("cpu.count", 9, 8), (error.Code, error.Values["cpus"], error.Values["maximum"]));
        Assert.Equal("What. Why. Remedy.", error.Message);
    }

    private static IEnumerable<(string Name, string Code)> ReadSources()
    {
        string root = Path.Combine(RepositoryRoot.Path, "src");
        foreach (string path in Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(root, path);
            if (!name.Contains("/obj/", StringComparison.Ordinal)) yield return (name, Comment().Replace(File.ReadAllText(path), ""));
        }
    }

    [GeneratedRegex(@"^\s*//.*$|(?<=[;{}),]) *// .*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"VitrineException\.(User|Host)\(\s*(ErrorCode\.(?<library>\w+)|(?<other>CommandErrorCode\.\w+|cause\.Code)|[^,]*),")]
    private static partial Regex Raised();

    // No count down, as in --depth == 0.
    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*\b(?! ==)")]
    private static partial Regex Option();
}
