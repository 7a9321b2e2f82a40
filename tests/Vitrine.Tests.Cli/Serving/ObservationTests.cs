using System.Text.Json;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>vitrine kvm --trace, --stats and --explain: what is written down of an unmodified QEMU.</summary>
/// <param name="programs">Small clients.</param>
public sealed class ObservationTests(ClientPrograms programs) : IClassFixture<ClientPrograms>, IDisposable
{
    private const string Qemu = "/usr/bin/qemu-system-x86_64";
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-observation-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("kvm --trace /no/such/folder/trace -- true", "--trace '/no/such/folder/trace' can't be written:")]
    [InlineData("kvm --stats /no/such/folder/stats -- true", "--stats '/no/such/folder/stats' can't be written:")]
    [InlineData("kvm --explain / -- true", "--explain '/' can't be written:")]
    [InlineData("kvm --instructions 3 -- true", "--instructions was given without --explain.")]
    [InlineData("kvm --brief -- true", "--brief was given without --explain.")]
    [InlineData("kvm --section entry -- true", "--section was given without --explain.")]
    [InlineData("kvm --symbols /no/such/map -- true", "--symbols was given without --explain.")]
    [InlineData("kvm --explain /dev/null --symbols /no/such/map -- true", "The symbol file '/no/such/map' does not exist.")]
    [InlineData("kvm --explain /dev/null --section entri -- true", "'entri' is not a section of a story.")]
    [InlineData("kvm --explain /dev/null --instructions 0 -- true", "0 instructions were asked for.")]
    [InlineData("kvm --explain /dev/null --instructions 1001 -- true", "1001 instructions were asked for.")]
    public void WhatCannotBeWrittenIsSaidBeforeTheProgramStarts(string command, string problem)
    {
        (int status, string output, string errors) = VitrineCommand.Run(command.Split(' '));
        Assert.Equal((64, ""), (status, output));
        Assert.StartsWith($"vitrine: {problem}", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void TheFirstInstructionsOfQemuAreToldTracedAndCounted()
    {
        ServingParts.SkipUnlessPresent();
        Assert.SkipUnless(File.Exists(Qemu), "QEMU is not installed (Debian package qemu-system-x86)");
        string script =
            $"cd '{_folder}' && mkfifo monitor && " +
            "{ \"$VITRINE\" kvm --force --trace trace.txt --stats stats.txt --explain story.json --instructions 2 -- " +
            $"{Qemu} -accel kvm -M pc -smp 2 -m 64 -nodefaults -display none -monitor stdio < monitor > output 2> errors & }} && " +
            "exec 3> monitor && until [ -s story.json ]; do sleep 0.1; done && echo quit >&3 && wait $!";
        (int status, _, string errors) = VitrineCommand.RunInShell(script);
        Assert.Equal((0, ""), (status, errors));

        using var story = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "story.json")));
        JsonElement root = story.RootElement;
        Assert.Equal("QEMU", root.GetProperty("client").GetProperty("monitor").GetString());
        string[] functions = [.. root.GetProperty("client").GetProperty("functions").EnumerateArray().Select(fact => fact.GetProperty("function").GetString()!)];
        Assert.Contains("kvm_init", functions);
        Assert.Contains("kvm_init_vcpu > kvm_arch_init_vcpu", functions);

        // QEMU puts its reset state twice, and the reset vector's far jump comes first.
        JsonElement[] puts = [.. root.GetProperty("state").GetProperty("clientPuts").EnumerateArray()];
        string[] levels = [.. puts.Select(put => put.GetProperty("level").GetString()!).Where(level => level.Length > 0)];
        Assert.Equal(["KVM_PUT_FULL_STATE", "KVM_PUT_RESET_STATE"], levels[..2]);
        JsonElement[] told = [.. root.GetProperty("instructions").EnumerateArray()];
        Assert.Equal(2, told.Length);
        Assert.Equal("0xfffffff0", told[0].GetProperty("fetch").GetProperty("segment").GetProperty("linear").GetString());
        Assert.Equal("jmp 0xf000:0xe05b", told[0].GetProperty("fetch").GetProperty("instruction").GetString());
        JsonElement mmu = told[0].GetProperty("fetch").GetProperty("translation").GetProperty("mmu");
        Assert.Equal("Observed", mmu.GetProperty("evidence").GetString());
        Assert.NotEmpty(mmu.GetProperty("events").EnumerateArray());
        Assert.Equal("0xfe05b", told[1].GetProperty("fetch").GetProperty("segment").GetProperty("linear").GetString());
        Assert.Equal(1, root.GetProperty("otherVcpus").GetArrayLength());

        string trace = File.ReadAllText(Path.Combine(_folder, "trace.txt"));
        Assert.Contains(" vcpu 1.0  KVM_RUN(", trace, StringComparison.Ordinal);
        Assert.Contains(" system    KVM_CREATE_VM(type=0) = fd ", trace, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", trace, StringComparison.Ordinal);

        // Written at the end of the process.
        string statistics = File.ReadAllText(Path.Combine(_folder, "stats.txt"));
        Assert.Contains("Why KVM_RUN came back", statistics, StringComparison.Ordinal);
        Assert.Contains("vCPU 0 of machine 1", statistics, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--real ")]
    public void ExplainTellsAProgramsMachine(string options)
    {
        ServingParts.SkipUnlessPresent();
        Assert.SkipUnless(options.Length == 0 || HostReport.Examine().Kvm.Usable, "no KVM on this host");
        string client = programs.Get("steps", ClientBuild.Dynamic);
        (int status, string output, _) = VitrineCommand.Run([.. $"explain {options}--instructions 2 --section fetch,execution --".Split(' '), client]);
        Assert.Equal(0, status);

        // Among what the client writes itself, once.
        Assert.Single(output.Split('\n'), static line => line.EndsWith("● instruction      in al,0x10", StringComparison.Ordinal));
        Assert.Contains("KVM_RUN 0, exit 5", output, StringComparison.Ordinal);

        string file = Path.Combine(_folder, "story");
        (status, output, _) = VitrineCommand.Run([.. $"explain {options}--format json -o {file} --".Split(' '), client]);
        Assert.Equal(0, status);
        Assert.DoesNotContain("instruction", output, StringComparison.Ordinal);
        using var story = JsonDocument.Parse(File.ReadAllText(file));
        Assert.Equal(client, story.RootElement.GetProperty("client").GetProperty("program").GetString());
    }

    [Theory]
    [InlineData("explain --memory 1G -- true", "--memory and a program were both given.")]
    [InlineData("explain --until 0x1000 -- true", "--until and a program were both given.")]
    [InlineData("explain true", "'true' is no option of explain.")]
    [InlineData("explain --breif -- true", "'--breif' is no option of explain.")]
    [InlineData("explain --real", "--real was given without a program.")]
    [InlineData("explain --real --cpu host -- true", "--cpu and --real were both given.")]
    public void WhatIsNotAboutAProgramIsRefused(string command, string problem)
    {
        (int status, _, string errors) = VitrineCommand.Run(command.Split(' '));
        Assert.Equal(64, status);
        Assert.StartsWith($"vitrine: {problem}", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void TheCommandLeavesNoFilesOfItsOwn()
    {
        ServingParts.SkipUnlessPresent();
        (int status, _, string errors) = VitrineCommand.RunInShell($"TMPDIR='{_folder}' \"$VITRINE\" kvm --force -- true");
        Assert.True(status == 0, errors);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }
}
