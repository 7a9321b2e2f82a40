using System.Xml.Linq;
using Xunit;

namespace Vitrine.Tests;

/// <summary>The layers of the architecture, read from the project files: who may reference whom.</summary>
public sealed class LayerTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Vitrine.Errors"] = [],
        ["Vitrine.Timing"] = [],
        ["Vitrine.X86"] = ["Vitrine.Errors"],
        ["Vitrine.Memory"] = ["Vitrine.Errors", "Vitrine.X86"],
        ["Vitrine.Kvm.Abi"] = ["Vitrine.Errors", "Vitrine.X86"],

        // Images of disks, and nothing of a machine.
        ["Vitrine.Disks"] = ["Vitrine.Errors"],

        // What a network card's cable leads to, and nothing of a machine.
        ["Vitrine.Network"] = ["Vitrine.Errors", "Vitrine.Timing"],

        // A device reads and writes guest memory through IGuestMemory, as its DMA; what a disk holds and where frames go are contracts of the layers below.
        ["Vitrine.Devices"] = ["Vitrine.Errors", "Vitrine.Timing", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Disks", "Vitrine.Network"],
        ["Vitrine.Accelerators"] = ["Vitrine.Errors", "Vitrine.X86", "Vitrine.Memory"],

        // What an ioctl says, for the accelerator that makes them and for the server that answers them.
        ["Vitrine.Kvm.Trace"] = ["Vitrine.X86", "Vitrine.Kvm.Abi", "Vitrine.Accelerators"],
        ["Vitrine.Accelerators.Kvm"] =
        [
            "Vitrine.Errors", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Kvm.Abi", "Vitrine.Kvm.Trace", "Vitrine.Accelerators",
        ],
        ["Vitrine.Accelerators.Software"] = ["Vitrine.Errors", "Vitrine.Timing", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Accelerators"],

        // KVM's half of the ABI over the software CPU, with the interrupt controllers and the timer that KVM has inside.
        ["Vitrine.KvmServer"] =
        [
            "Vitrine.Errors", "Vitrine.Timing", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Kvm.Abi", "Vitrine.Kvm.Trace", "Vitrine.Devices", "Vitrine.Accelerators",
            "Vitrine.Accelerators.Software",
        ],

        // A client of the host's own KVM, heard and looked at as one that is served.
        ["Vitrine.Kvm.Watch"] =
        [
            "Vitrine.Errors", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Kvm.Abi", "Vitrine.Kvm.Trace", "Vitrine.Accelerators", "Vitrine.Accelerators.Kvm", "Vitrine.KvmServer",
        ],

        // Both as a native library, for processes of other programs.
        ["Vitrine.KvmServer.Library"] = ["Vitrine.KvmServer", "Vitrine.Kvm.Watch", "Vitrine.Explain"],
        ["Vitrine"] =
        [
            "Vitrine.Errors", "Vitrine.Timing", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Disks", "Vitrine.Network", "Vitrine.Accelerators", "Vitrine.Devices",
            "Vitrine.Accelerators.Kvm", "Vitrine.Accelerators.Software",
        ],

        // Reads everything below, through the contract and the library; nothing below knows it.
        ["Vitrine.Explain"] =
        [
            "Vitrine.Errors", "Vitrine.X86", "Vitrine.Memory", "Vitrine.Kvm.Abi", "Vitrine.Kvm.Trace", "Vitrine.Accelerators", "Vitrine.KvmServer", "Vitrine",
        ],

        // Whatever the CLI needs comes through the library.
        ["Vitrine.Cli"] = ["Vitrine", "Vitrine.Explain"],
    };

    // Machine code and raw memory are touched here; disks have the system calls on files, the CLI those on the terminal.
    private static readonly string[] UnsafeAllowed =
    [
        "Vitrine.Memory", "Vitrine.Disks", "Vitrine.Kvm.Abi", "Vitrine.Kvm.Trace", "Vitrine.Accelerators", "Vitrine.Accelerators.Kvm",
        "Vitrine.Accelerators.Software", "Vitrine.KvmServer", "Vitrine.Kvm.Watch", "Vitrine.KvmServer.Library", "Vitrine.Cli",
    ];

    public static TheoryData<string> Projects => [.. Directory.GetFiles(SourceFolder, "*.csproj", SearchOption.AllDirectories)
        .Select(path => Path.GetFileNameWithoutExtension(path)!)];

    private static string SourceFolder => Path.Combine(RepositoryRoot.Path, "src");

    [Theory]
    [MemberData(nameof(Projects))]
    public void ReferencesOnlyLowerLayers(string project)
    {
        Assert.True(Allowed.TryGetValue(project, out string[]? allowed), $"{project} has no place in the layers yet.");
        IEnumerable<string> references = Load(project).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
        Assert.Empty(references.Except(allowed));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void UnsafeCodeOnlyWhereMemoryOrMachineCodeIsTouched(string project)
    {
        bool allows = Load(project).Descendants("AllowUnsafeBlocks").Any(element => element.Value == "true");
        Assert.True(!allows || UnsafeAllowed.Contains(project), $"{project} must be safe code.");
    }

    [Fact]
    public void EveryLayerHasItsProject() =>
        Assert.Equal(Allowed.Keys.Order(), Projects.Select(row => row.Data).Order());

    private static XDocument Load(string project) => XDocument.Load(Path.Combine(SourceFolder, project, project + ".csproj"));
}
