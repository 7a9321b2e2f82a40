using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>
/// Programs in C that use /dev/kvm as the kernel's documentation and the manual pages allow: signals that reach a vCPU, actions of signals, processes and
/// threads, descriptors and pointers. What each line of theirs expects, the host's own KVM does.
/// </summary>
/// <param name="programs">The clients.</param>
public sealed class ServedClientTests(ClientPrograms programs) : IClassFixture<ClientPrograms>
{
    private static readonly string[] s_names = ["actions", "descriptors", "processes", "signals"];

    public static TheoryData<string, ClientBuild> Builds
    {
        get
        {
            TheoryData<string, ClientBuild> rows = [];
            foreach (string name in s_names)
            {
                foreach (ClientBuild build in Enum.GetValues<ClientBuild>()) rows.Add(name, build);
            }

            return rows;
        }
    }

    public static TheoryData<string> Names => [.. s_names];

    [Theory]
    [MemberData(nameof(Builds))]
    public void EachExpectationHoldsWhenItIsServed(string name, ClientBuild build)
    {
        ServingParts.SkipUnlessPresent();
        (int status, string output, string errors) = VitrineCommand.Run(["kvm", "--force", "--", programs.Get(name, build)]);
        Assert.Equal($"vitrine: KVM is served to {name}-{build} by the software CPU, CPU model max.", errors.TrimEnd());
        ClientPrograms.CheckOutput(status, output);
    }

    [Theory]
    [InlineData("--soft interpreter")]
    [InlineData("--cpu x86-64-v1")]
    [InlineData("--mmu two-dimensional")]
    public void SignalsReachEveryEngine(string options)
    {
        ServingParts.SkipUnlessPresent();
        (int status, string output, _) =
            VitrineCommand.Run(["kvm", "--force", .. options.Split(' '), "--", programs.Get("signals", ClientBuild.Dynamic)]);
        ClientPrograms.CheckOutput(status, output);
    }

    [Theory]
    [InlineData("signals", ClientBuild.Dynamic)]
    [InlineData("processes", ClientBuild.Dynamic)]
    [InlineData("signals", ClientBuild.Static)]
    public void TheRuntimesOwnSignalsDisturbNothing(string name, ClientBuild build)
    {
        ServingParts.SkipUnlessPresent();
        (int status, string output, _) = VitrineCommand.RunInShell($"VITRINE_KVM_COLLECT=1 exec \"$VITRINE\" kvm --force -- {programs.Get(name, build)}");
        ClientPrograms.CheckOutput(status, output);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EachExpectationHoldsOnTheHostsOwnKvm(string name)
    {
        Assert.SkipUnless(HostReport.Examine().Kvm.Usable, "no KVM on this host");
        (int status, string output) = ClientPrograms.RunPlainly(programs.Get(name, ClientBuild.Dynamic));
        ClientPrograms.CheckOutput(status, output);
    }

    [Theory]
    [InlineData(ClientBuild.Dynamic)]
    [InlineData(ClientBuild.Static)]
    public void TheNodeNeedNotBeThere(ClientBuild build)
    {
        const string Alone = "unshare --map-root-user --mount";
        ServingParts.SkipUnlessPresent();
        Assert.SkipUnless(VitrineCommand.RunInShell($"{Alone} mount -t tmpfs none /dev").Status == 0, "the host gives nobody a mount namespace");
        string client = programs.Get("descriptors", build);
        (int status, string output, _) =
            VitrineCommand.RunInShell($"exec \"$VITRINE\" kvm --force -- {Alone} sh -c 'mount -t tmpfs none /dev && exec {client}'");
        ClientPrograms.CheckOutput(status, output);
    }

    [Theory]
    [InlineData("sh -c '{0} child'")]
    [InlineData("env {0} child")]
    [InlineData("timeout 50 {0} child")]
    [InlineData("sh -c 'exec {0} child'")]
    public void ChildrenAreServedToo(string command)
    {
        ServingParts.SkipUnlessPresent();
        foreach (ClientBuild build in Enum.GetValues<ClientBuild>())
        {
            if (build == ClientBuild.Musl && HostProgram.Find("musl-gcc") is null) continue;
            string program = programs.Get("processes", build);
            (int status, _, string errors) = VitrineCommand.RunInShell($"exec \"$VITRINE\" kvm --force -- {command.Replace("{0}", program, StringComparison.Ordinal)}");
            Assert.True(status == 0, $"{build}: {status} {errors}");
        }
    }

    /// <summary>Programs that make their system calls themselves, however they end: by exit_group, by exit of the last thread, by a signal, by a fault.</summary>
    [Theory]
    [InlineData("", 0)]
    [InlineData("exit", 3)]
    [InlineData("term", 143)]
    [InlineData("fault", 139)]
    public void AProgramWithoutACLibraryIsServedToItsEnd(string ending, int expected)
    {
        ServingParts.SkipUnlessPresent();
        string program = programs.GetRaw("raw");
        string files = $"{program}-{expected}";
        (int status, string output, _) = VitrineCommand.RunInShell($"\"$VITRINE\" kvm --force --trace {files}.trace --stats {files}.stats -- {program} {ending}");
        Assert.Equal(expected, status);
        ClientPrograms.CheckOutput(0, output);

        // The last call is there, though the process ends at once.
        Assert.Contains("KVM_RUN() = -EINTR", File.ReadAllText($"{files}.trace"), StringComparison.Ordinal);
        Assert.Contains("Why KVM_RUN came back", File.ReadAllText($"{files}.stats"), StringComparison.Ordinal);
    }
}
