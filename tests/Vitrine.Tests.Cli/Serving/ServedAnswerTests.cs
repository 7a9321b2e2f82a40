using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>
/// What each ioctl answers to good arguments and bad ones, to each kind of descriptor, in each state: recorded in tests/kvm-clients/ioctls.expected, and compared with
/// the host's own KVM where there is one.
/// </summary>
/// <param name="programs">The client.</param>
public sealed class ServedAnswerTests(ClientPrograms programs) : IClassFixture<ClientPrograms>
{
    private const string Name = "ioctls";

    // Beginnings of lines in which a host's KVM may say something else, with the reason.
    private static readonly (string Line, string Reason)[] s_excused =
    [
        ("bare system: another device's:", "the kernel's KVM is asked; here the memory file behind the descriptor is"),
        ("bare vCPU: another device's:", "the kernel's KVM is asked; here the memory file behind the descriptor is"),
        ("bare vCPU: KVM_HAS_DEVICE_ATTR:", "KVM_VCPU_TSC_OFFSET is an offset from a host's counter that guests here have nothing to do with"),
        ("bare vCPU: KVM_GET_DEVICE_ATTR:", "as KVM_HAS_DEVICE_ATTR"),
        ("bare vCPU: KVM_SET_DEVICE_ATTR:", "as KVM_HAS_DEVICE_ATTR"),
        ("bare vCPU: KVM_SET_TSC_KHZ:", "the kernel lets a counter catch up with a rate above its own, here there is one rate"),
        ("bare machine: KVM_SET_TSC_KHZ:", "as for a vCPU"),
        ("state: KVM_SET_TSC_KHZ", "the host's rate decides"),
        ("bare vCPU: KVM_SMI:", "the kernel may have been built with system-management mode"),
        ("bare machine: KVM_GET_NR_MMU_PAGES:", "there until Linux 6.3"),
        ("a vCPU of an irqchip: KVM_SET_MP_STATE 9:", "KVM_MP_STATE_AP_RESET_HOLD is for encrypted guests"),
        ("state: KVM_SET_MSRS a memory type", "WRMSR refuses it (SDM vol. 3, 12.12.2), some hosts' KVM doesn't look"),
        ("state: KVM_SET_SREGS a bit of EFER", "what a bit of EFER means is the host processor's"),
        ("memory that may ", "a KVM that emulates guests' instructions makes an access to a device of what it finds no memory for"),
        ("bare vCPU: KVM_GET_NESTED_STATE:", "the host may have nested virtualisation"),
        ("bare vCPU: KVM_SET_NESTED_STATE:", "the host may have nested virtualisation"),
    ];

    [Theory]
    [InlineData(ClientBuild.Dynamic)]
    [InlineData(ClientBuild.Static)]
    public void EachAnswerIsWhatWasRecorded(ClientBuild build)
    {
        ServingParts.SkipUnlessPresent();
        string expected = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests/kvm-clients/ioctls.expected"));
        (int status, string output, _) = VitrineCommand.Run(["kvm", "--force", "--", programs.Get(Name, build)]);
        Assert.Equal(0, status);
        Assert.Equal(expected, output);
    }

    [Fact]
    public void EachAnswerIsTheHostsOwn()
    {
        Assert.SkipUnless(HostReport.Examine().Kvm.Usable, "no KVM on this host");
        string[] expected = File.ReadAllLines(Path.Combine(RepositoryRoot.Path, "tests/kvm-clients/ioctls.expected"));
        (int status, string output) = ClientPrograms.RunPlainly(programs.Get(Name, ClientBuild.Dynamic));
        Assert.Equal(0, status);
        Assert.Equal(string.Join('\n', expected.Where(IsCompared)), string.Join('\n', output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(IsCompared)));
    }

    private static bool IsCompared(string line) => !s_excused.Any(excuse => line.StartsWith(excuse.Line, StringComparison.Ordinal));
}
