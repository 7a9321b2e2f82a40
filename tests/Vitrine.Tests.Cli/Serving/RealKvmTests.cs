using System.Text.Json;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>vitrine kvm --real: programs on the host's own KVM, whose calls are watched. They notice nothing of it.</summary>
/// <param name="programs">The clients.</param>
public sealed class RealKvmTests(ClientPrograms programs) : IClassFixture<ClientPrograms>, IDisposable
{
    private const string Qemu = "/usr/bin/qemu-system-x86_64";
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-real-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("--cpu host", "--cpu")]
    [InlineData("--soft interpreter", "--soft")]
    [InlineData("--mmu shadow", "--mmu")]
    [InlineData("--force", "--force")]
    public void OptionsOfTheSoftwareCpuAreRefused(string options, string name)
    {
        (int status, _, string errors) = VitrineCommand.Run(["kvm", "--real", .. options.Split(' '), "--", "true"]);
        Assert.Equal(64, status);
        Assert.StartsWith($"vitrine: {name} and --real were both given.", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAKvmItSaysWhatToDo()
    {
        const string Alone = "unshare --map-root-user --mount";
        Assert.SkipUnless(VitrineCommand.RunInShell($"{Alone} mount -t tmpfs none /dev").Status == 0, "the host gives nobody a mount namespace");
        (int status, _, string errors) = VitrineCommand.RunInShell($"exec {Alone} sh -c 'mount -t tmpfs none /dev && exec \"$VITRINE\" kvm --real --trace {_folder}/trace -- true'");
        Assert.Equal(72, status);
        Assert.StartsWith("vitrine: The host's own KVM can't be watched: ", errors, StringComparison.Ordinal);
        Assert.Contains("leave --real out", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("actions")]
    [InlineData("descriptors")]
    [InlineData("processes")]
    [InlineData("signals")]
    public void EachExpectationHoldsWhenItIsWatched(string name)
    {
        SkipUnlessPresent();
        string trace = Path.Combine(_folder, "trace");
        string story = Path.Combine(_folder, "story");
        (int status, string output, string errors) =
            VitrineCommand.Run(["kvm", "--real", "--trace", trace, "--explain", story, "--", programs.Get(name, ClientBuild.Dynamic)]);
        Assert.StartsWith($"vitrine: {name}-Dynamic gets the host's own KVM", errors, StringComparison.Ordinal);
        ClientPrograms.CheckOutput(status, output);
        Assert.DoesNotContain("defect", File.ReadAllText(trace), StringComparison.Ordinal);
    }

    [Fact]
    public void AClientSeesWhatItSeesWithoutAWatch()
    {
        SkipUnlessPresent();
        string client = programs.Get("steps", ClientBuild.Dynamic);
        string trace = Path.Combine(_folder, "trace");
        string story = Path.Combine(_folder, "story.json");
        (int plainStatus, string plain) = ClientPrograms.RunPlainly(client);
        (int status, string output, _) = VitrineCommand.Run(["kvm", "--real", "--trace", trace, "--explain", story, "--instructions", "4", "--", client]);
        Assert.Equal((plainStatus, plain), (status, output));

        // Numbers of descriptors are part of the output. Of the four instructions one leaves for its data, and one halts.
        using var parsed = JsonDocument.Parse(File.ReadAllText(story));
        JsonElement[] told = [.. parsed.RootElement.GetProperty("instructions").EnumerateArray()];
        string[] instructions = [.. told.Select(instruction => instruction.GetProperty("fetch").GetProperty("instruction").GetString()!)];
        Assert.Equal(["mov ax,0x1234", "in al,0x10", "out 0x11,al", "hlt"], instructions);
        JsonElement read = told[1].GetProperty("execution");
        Assert.Equal("0x1277", read.GetProperty("registers")[0].GetProperty("after").GetString());
        Assert.Single(read.GetProperty("exits").EnumerateArray());
        Assert.Equal("Derived", told[0].GetProperty("fetch").GetProperty("translation").GetProperty("mmu").GetProperty("evidence").GetString());
        Assert.True(told[0].GetProperty("fetch").GetProperty("translation").GetProperty("kvm").GetProperty("agrees").GetBoolean());
        Assert.Contains(" vcpu 1.0  KVM_RUN() = KVM_EXIT_HLT (the guest waits for an interrupt) <", File.ReadAllText(trace), StringComparison.Ordinal);
    }

    [Fact]
    public void TheFirstInstructionOfQemuIsTold()
    {
        SkipUnlessPresent();
        Assert.SkipUnless(File.Exists(Qemu), "QEMU is not installed (Debian package qemu-system-x86)");
        string script =
            $"cd '{_folder}' && mkfifo monitor && " +
            "{ timeout 50 \"$VITRINE\" kvm --real --trace trace.txt --stats stats.txt --explain story.json -- " +
            $"{Qemu} -accel kvm -M pc -smp 2 -m 64 -nodefaults -display none -monitor stdio < monitor > output 2> errors & }} && " +
            "exec 3> monitor && until [ -s story.json ]; do sleep 0.1; done && echo quit >&3 && wait $!";
        (int status, _, string errors) = VitrineCommand.RunInShell(script);
        Assert.Equal((0, ""), (status, errors));

        using var story = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "story.json")));
        JsonElement root = story.RootElement;
        JsonElement[] puts = [.. root.GetProperty("state").GetProperty("clientPuts").EnumerateArray()];
        string[] levels = [.. puts.Select(put => put.GetProperty("level").GetString()!).Where(level => level.Length > 0)];
        Assert.Equal(["KVM_PUT_FULL_STATE", "KVM_PUT_RESET_STATE"], levels[..2]);
        JsonElement told = Assert.Single(root.GetProperty("instructions").EnumerateArray());
        Assert.Equal("0xfffffff0", told.GetProperty("fetch").GetProperty("segment").GetProperty("linear").GetString());
        Assert.Equal("jmp 0xf000:0xe05b", told.GetProperty("fetch").GetProperty("instruction").GetString());
        Assert.Equal("KVM, the host's own", root.GetProperty("machine").GetProperty("accelerator").GetString());

        // The other one waits for its start-up IPI inside KVM.
        JsonElement other = Assert.Single(root.GetProperty("otherVcpus").EnumerateArray());
        Assert.Equal("hidden", other.GetProperty("end").GetProperty("reason").GetString());
        Assert.Contains("Why KVM_RUN came back", File.ReadAllText(Path.Combine(_folder, "stats.txt")), StringComparison.Ordinal);
        Assert.DoesNotContain("defect", File.ReadAllText(Path.Combine(_folder, "trace.txt")), StringComparison.Ordinal);
    }

    private static void SkipUnlessPresent()
    {
        ServingParts.SkipUnlessPresent();
        Assert.SkipUnless(HostReport.Examine().Kvm.Usable, "no KVM on this host");
    }
}
