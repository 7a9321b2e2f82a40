using System.Runtime.InteropServices;
using Vitrine.Accelerators.Kvm;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Kvm;

public sealed class KvmProbeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("vitrine-host").FullName;
    private readonly ITestOutputHelper _output;

    public KvmProbeTests(ITestOutputHelper output) => _output = output;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void HostWithKvmReportsCapabilitiesAndSpeed()
    {
        KvmReport report = KvmProbe.Examine();
        if (!report.Usable) Assert.Skip("KVM is not usable here: " + report.Problem!.Message);
        Assert.Equal((true, 12), (report.DeviceNodePresent, report.ApiVersion));
        Assert.All(report.Capabilities.Where(c => c.Required), c => Assert.True(c.Present, c.Name));
        _output.WriteLine($"{report.NanosecondsPerInstruction:f1} ns per ring-0 instruction");

        // No CPU runs dec and jnz faster than 10 per ns, and no emulator is a thousand times slower than the slowest known.
        Assert.InRange(report.NanosecondsPerInstruction!.Value, 0, 1_000_000);
        Assert.Equal(report.NanosecondsPerInstruction > 100, report.EmulatesRing0);
    }

    [Fact]
    public void MissingNodeIsTold()
    {
        KvmReport report = KvmProbe.Examine(Path.Combine(_root, "kvm"));
        Assert.Equal((false, null, false), (report.DeviceNodePresent, report.ApiVersion, report.Usable));
        Assert.Contains("does not exist", report.Problem!.What, StringComparison.Ordinal);
        Assert.False(report.EmulatesRing0);
    }

    [Fact]
    public void HostOfAnotherArchitectureIsToldWithoutHintsAboutX86()
    {
        // On Arm64 the node may well be there, and answer with the same API version.
        string node = Path.Combine(_root, "kvm");
        File.WriteAllText(node, "");
        KvmReport report = KvmProbe.Examine(node, Architecture.Arm64);
        Assert.Equal((true, null, false), (report.DeviceNodePresent, report.ApiVersion, report.Usable));
        Assert.Equal(ErrorKind.Host, report.Problem!.Kind);
        Assert.Contains("Arm64", report.Problem.What, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.KvmArchitecture, report.Problem.Code);
        Assert.Empty(report.Host.Hints.Concat(report.Host.VendorModules));
    }

    [Fact]
    public void MissingCapabilityIsToldWithAllTheOthers()
    {
        var calls = new RecordingKvmSystem
        {
            OpenResult = 1_000_001,
            Answer = (ioctl, argument) => ioctl == "KVM_GET_API_VERSION" ? 12 : argument == 136 ? 0 : 1,
        };
        KvmReport report = KvmProbe.Examine("/dev/kvm", calls, HostFacts.Read(_root));
        Assert.Contains("KVM_CAP_IMMEDIATE_EXIT", report.Problem!.What, StringComparison.Ordinal);
        Assert.Equal("KVM_CAP_IMMEDIATE_EXIT", Assert.Single(report.Capabilities, c => !c.Present).Name);
        Assert.DoesNotContain("KVM_CREATE_VM", calls.Names);
    }

    [Theory]
    [InlineData(50.0, false)]
    [InlineData(101.0, true)]
    [InlineData(null, false)]
    public void SlowRing0IsEmulation(double? nanoseconds, bool emulates)
    {
        var report = new KvmReport { DevicePath = "", DeviceNodePresent = true, Host = new HostFacts(), NanosecondsPerInstruction = nanoseconds };
        Assert.Equal(emulates, report.EmulatesRing0);
    }

    [Theory]
    [InlineData("fpu vmx sse", "kvm_intel", "Y", "", "vmx", false, true)]
    [InlineData("fpu svm", "kvm_amd", "0", "", "svm", false, false)]
    [InlineData("fpu svm", "", "", "module kvm_amd is not loaded", "svm", false, null)]
    [InlineData("fpu vmx", "", "", "module kvm_intel is not loaded", "vmx", false, null)]
    [InlineData("fpu hypervisor", "", "", "nested virtualisation is off", null, true, null)]
    [InlineData("fpu vmxoff_like", "", "", "firmware has turned them off", null, false, null)]
    public void HostFactsAreReadAndExplained(string flags, string module, string nested, string hint, string? flag, bool inside, bool? allowed)
    {
        Write("proc/cpuinfo", $"processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: {flags}\nbugs\t\t:\n");
        if (module.Length > 0) Write($"sys/module/{module}/parameters/nested", nested + "\n");
        HostFacts facts = HostFacts.Read(_root);
        Assert.Equal((flag, inside, false, allowed), (facts.VirtualizationFlag, facts.InsideVirtualMachine, facts.InsideContainer, facts.NestedAllowed));
        if (hint.Length == 0) Assert.Empty(facts.Hints);
        else Assert.Contains(hint, Assert.Single(facts.Hints), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".dockerenv", "")]
    [InlineData("run/.containerenv", "")]
    [InlineData("proc/1/cgroup", "0::/kubepods/besteffort/pod1\n")]
    public void ContainerIsRecognised(string file, string text)
    {
        Assert.False(HostFacts.Read(_root).InsideContainer);
        Write(file, text);
        HostFacts facts = HostFacts.Read(_root);
        Assert.True(facts.InsideContainer);
        Assert.Contains(facts.Hints, h => h.Contains("--device /dev/kvm", StringComparison.Ordinal));
    }

    private void Write(string file, string text)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
