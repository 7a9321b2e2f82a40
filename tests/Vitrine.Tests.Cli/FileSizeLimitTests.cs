using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>`ulimit -f` (RLIMIT_FSIZE, EFBIG) is met by whatever the command writes, and is a limit of the host's each time.</summary>
public sealed class FileSizeLimitTests : IDisposable
{
    private const int HostError = 72;
    private const int Stopped = 90;

    // The just-in-time compiler has a memory file of its own, which ./vitrine turns off under a limit of files' sizes.
    private const string Environment = "DOTNET_EnableWriteXorExecute=0";

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // mov dx,3f8; mov al,'A'; again: out dx,al; jmp again; and the same with port 402h.
    public FileSizeLimitTests()
    {
        File.WriteAllBytes(Path.Combine(_folder, "serial"), Convert.FromHexString("BAF803B041EEEBFD"));
        File.WriteAllBytes(Path.Combine(_folder, "debugcon"), Convert.FromHexString("BA0204B041EEEBFD"));
    }

    [Theory]
    [InlineData("run", "serial", "--serial file:$OUT", Stopped)]
    [InlineData("run", "debugcon", "--serial null --debugcon file:$OUT", Stopped)]
    [InlineData("explain", "serial", "-o $OUT", HostError)]
    [InlineData("explain", "serial", "--format json -o $OUT", HostError)]
    [InlineData("explain", "serial", "--format html -o $OUT", HostError)]
    [InlineData("translate", "serial", "--gva 0x7c00 --format html -o $OUT", HostError)]
    public void WhatIsWrittenMeetsTheLimit(string command, string guest, string output, int status)
    {
        string path = Path.Combine(_folder, "output");
        string machine = $"--flat {Path.Combine(_folder, guest)}@0x7c00 --mode real --accel soft --soft interpreter --timeout 30";
        (int ended, _, string errors) = VitrineCommand.RunInShell($"OUT={path}; ulimit -f 1; {Environment} exec \"$VITRINE\" {command} {machine} {output}");
        Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
        Assert.Contains("ulimit -f", errors, StringComparison.Ordinal);
        Assert.Equal(status, ended);

        // POSIX: in units of 512 bytes.
        Assert.Equal(512, new FileInfo(path).Length);
    }

    [Fact]
    public void WhatIsMeasuredOfTheHostIsNotKeptThen()
    {
        // Whether the machine runs then is the accelerator's: translated code is a file as well.
        string cache = Directory.CreateDirectory(Path.Combine(_folder, "cache")).FullName;
        (_, _, string errors) = VitrineCommand.RunInShell(
            $"ulimit -f 0; XDG_CACHE_HOME={cache} {Environment} exec \"$VITRINE\" run --flat {Path.Combine(_folder, "serial")}@0x7c00 --mode real --timeout 1");
        Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(cache, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void TheDemoRunsItsBuiltInGuestThen()
    {
        string demo = Directory.CreateDirectory(Path.Combine(_folder, "cache", "vitrine", "demo")).FullName;
        foreach (string name in new[] { "vmlinuz", "busybox" }) File.WriteAllBytes(Path.Combine(demo, name), new byte[64 << 10]);
        (_, _, string errors) = VitrineCommand.RunInShell(
            $"ulimit -f 8; XDG_CACHE_HOME={_folder}/cache {Environment} exec \"$VITRINE\" demo --soft interpreter --timeout 1");
        Assert.Contains("Running the built-in guest instead.", errors, StringComparison.Ordinal);
        Assert.Contains("ulimit -f", errors, StringComparison.Ordinal);
        Assert.Equal([".lock", "busybox", "vmlinuz"], Directory.GetFiles(demo).Select(Path.GetFileName).Order());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
