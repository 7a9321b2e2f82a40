using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>The cache is a folder of the user's own, or there is none: what lies in a folder of everybody's may be anybody's.</summary>
public sealed class CacheFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    [Theory]
    [InlineData("-u HOME -u XDG_CACHE_HOME")]
    [InlineData("HOME= XDG_CACHE_HOME=")]
    [InlineData("HOME=home XDG_CACHE_HOME=cache")]
    public void WithoutAHomeFolderNothingIsTakenFromOneForTemporaryFiles(string environment)
    {
        string planted = Directory.CreateDirectory(Path.Combine(_folder, "vitrine", "demo")).FullName;
        foreach (string name in new[] { "vmlinuz", "busybox" }) File.WriteAllText(Path.Combine(planted, name), "somebody else's");
        (_, _, string errors) = VitrineCommand.RunInShell(
            $"cd {_folder}; exec env {environment} TMPDIR={_folder} \"$VITRINE\" demo --soft interpreter --timeout 1");
        Assert.Contains("Running the built-in guest instead.", errors, StringComparison.Ordinal);
        Assert.Equal(["busybox", "vmlinuz"], Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ALinkThatIsThereAlreadyIsNotWrittenThrough()
    {
        string victim = Path.Combine(_folder, "victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(Path.Combine(_folder, $"kvm-ring0.{Environment.ProcessId}"), victim);
        File.CreateSymbolicLink(Path.Combine(_folder, "kvm-ring0"), victim);
        KvmVerdict.Write(_folder, "host", new KvmVerdict(null, 5));
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.Equal("host\n5\n", File.ReadAllText(Path.Combine(_folder, "kvm-ring0")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
