using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>Limits (setrlimit(2)) and restrictions of a host: under each the command runs, or ends with the host's status and says why.</summary>
public sealed class RestrictedHostTests : IDisposable
{
    private const int HostError = 72;
    private const int Done = 11;
    private const string Perl = "/usr/bin/perl";

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // mov al,5; out f4,al; and jmp $
    public RestrictedHostTests()
    {
        File.WriteAllBytes(Path.Combine(_folder, "guest"), [0xB0, 0x05, 0xE6, 0xF4]);
        File.WriteAllBytes(Path.Combine(_folder, "endless"), [0xEB, 0xFE]);
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_101_101);
    }

    [Theory]
    [InlineData("-f 100", "ulimit -f")]
    [InlineData("-l 0", null)]
    [InlineData("-c 0", null)]
    [InlineData("-s 256", null)]
    [InlineData("-s unlimited", null)]
    [InlineData("-n 128", null)]
    public void ALimitIsKeptOrNamed(string limit, string? named)
    {
        // The just-in-time compiler has a memory file of its own, which ./vitrine turns off under a limit of files' sizes.
        Check(VitrineCommand.RunInShell($"ulimit {limit}; DOTNET_EnableWriteXorExecute=0 exec \"$VITRINE\" {Run("guest")}"), named);
    }

    [Fact]
    public void AddressSpaceThatIsShortIsNamed()
    {
        int status = 0;
        for (ulong kibibytes = 1_000_000; status != Done; kibibytes *= 2)
        {
            // Below some size the runtime doesn't come to our first line; from another on everything is there.
            (status, _, string errors) = VitrineCommand.RunInShell($"ulimit -v {kibibytes}; exec \"$VITRINE\" {Run("guest")}");
            Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
            if (status == HostError) Assert.Contains("ulimit -v", errors, StringComparison.Ordinal);
            Assert.True(kibibytes < 1UL << 40, errors);
        }
    }

    [Theory]
    [InlineData("run", "")]
    [InlineData("explain", "--until 0")]
    [InlineData("translate", "--gva 0 --until 0")]
    public void ProcessorTimeIsNamed(string command, string place)
    {
        string arguments = Run("endless").Replace("run ", $"{command} ", StringComparison.Ordinal);
        (int status, _, string errors) = VitrineCommand.RunInShell($"ulimit -t 3; exec \"$VITRINE\" {arguments} {place} --timeout 50");
        Assert.Contains("ulimit -t", errors, StringComparison.Ordinal);
        Assert.Equal(HostError, status);
    }

    [Theory]
    [InlineData("/dev/full", "ulimit -f")]
    public void AFullFileIsNamed(string path, string named)
    {
        // mov dx,3f8; mov al,'H'; out dx,al; jmp $
        File.WriteAllBytes(Path.Combine(_folder, "writer"), Convert.FromHexString("BAF803B048EEEBFE"));
        (int status, _, string errors) = VitrineCommand.RunInShell($"exec \"$VITRINE\" {Run("writer")} --serial file:{path}");
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.Equal(90, status);
    }

    // Numbers of <asm/unistd_64.h>. EPERM is what Docker's default profile answers, ENOSYS what an old kernel does.
    [Theory]
    [InlineData(1, "319", "security policy")] // memfd_create
    [InlineData(38, "319", "security policy")]
    [InlineData(1, "332,439", null)] // statx, faccessat2
    [InlineData(38, "332,435,439", null)] // and clone3
    [InlineData(1, "28", null)] // madvise
    [InlineData(1, "97", null)] // getrlimit
    [InlineData(1, "101,134,135,139,153,155,156,161,165,166,167,168,169,170,172,173,174,175,176,177,178,180,212,237,238,239", null)]
    [InlineData(1, "246,248,249,250,256,272,279,298,300,303,304,308,310,311,312,313,320,321,323,425,426,427", null)]
    public void ASystemCallThatIsForbiddenIsDoneWithoutOrNamed(int errno, string calls, string? named)
    {
        Assert.SkipUnless(File.Exists(Perl), $"{Perl} is not installed");
        (int Status, string Output, string Errors) result = VitrineCommand.RunInShell($"exec {Perl} {Filter()} {errno} {calls} \"$VITRINE\" {Run("guest")}");
        Assert.SkipWhen(result.Errors.Contains("no seccomp", StringComparison.Ordinal), result.Errors);
        Check(result, named);
        if (named is null) return;
        Check(VitrineCommand.RunInShell($"exec {Perl} {Filter()} {errno} {calls} \"$VITRINE\" {Run("guest")} --soft interpreter"), null);
    }

    [Theory]
    [InlineData("mount -t tmpfs -o noexec none /tmp")]
    [InlineData("mount -t tmpfs none /dev")]
    [InlineData("mount -t tmpfs none /sys")]
    [InlineData("mount -t tmpfs -o ro none /root; export HOME=/root")]
    [InlineData("umount -l /dev/shm; mount -t tmpfs -o ro none /dev")]
    public void AMountThatIsNotThereIsNotMissed(string mounts)
    {
        string guest = Path.Combine(AppContext.BaseDirectory, $"guest-{Guid.NewGuid():n}");
        File.WriteAllBytes(guest, [0xB0, 0x05, 0xE6, 0xF4]);
        try
        {
            (int Status, string Output, string Errors) result = VitrineCommand.RunInShell(
                $"exec unshare -m --propagation private sh -c '{{ {mounts}; }} 2>/dev/null || true; exec \"$VITRINE\" run --flat {guest}@0x1000 --mode real'");
            Assert.SkipWhen(result.Errors.Contains("unshare", StringComparison.Ordinal), $"no mount namespace here: {result.Errors}");
            Assert.SkipWhen(result.Errors.Contains("not found", StringComparison.Ordinal), "the tests lie in a folder that is hidden here");
            Assert.Equal(Done, result.Status);
        }
        finally
        {
            File.Delete(guest);
        }
    }

    [Fact]
    public void ThreadsThatTheHostRefusesAreNamed()
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can become a user without processes");
        string run = $"setpriv --reuid 54321 --regid 54321 --clear-groups sh -c 'ulimit -u LIMIT; HOME=/ exec \"$VITRINE\" {Run("guest")}'";
        foreach (int limit in Enumerable.Range(2, 30))
        {
            // Below a number of threads the runtime doesn't come to our first line; from another on everything is there.
            (int status, _, string errors) = VitrineCommand.RunInShell(run.Replace("LIMIT", $"{limit}", StringComparison.Ordinal));
            Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
            if (status == HostError) Assert.Contains("ulimit -u", errors, StringComparison.Ordinal);
            if (status == Done) return;
        }

        Assert.Fail("32 threads are not enough");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Check((int Status, string Output, string Errors) result, string? named)
    {
        Assert.DoesNotContain("defect", result.Errors, StringComparison.Ordinal);
        if (named is not null) Assert.Contains(named, result.Errors, StringComparison.Ordinal);
        Assert.Equal(named is null ? Done : HostError, result.Status);
    }

    private string Run(string guest) => $"run --flat {_folder}/{guest}@0x1000 --mode real --accel soft";

    // seccomp(2): load the number of the call, jump to the end for each that is forbidden, allow; at the end fail with the error number.
    private string Filter()
    {
        string path = Path.Combine(_folder, "deny.pl");
        File.WriteAllText(
            path,
            """
            my ($errno, $list, @command) = @ARGV;
            my @calls = split /,/, $list;
            my $program = pack 'SCCL', 0x20, 0, 0, 0;
            $program .= pack 'SCCL', 0x15, @calls - $_, 0, $calls[$_] for 0 .. $#calls;
            $program .= pack('SCCL', 0x06, 0, 0, 0x7fff0000) . pack('SCCL', 0x06, 0, 0, 0x00050000 | $errno);
            my $argument = pack 'Sx6P', length($program) / 8, $program;
            syscall(157, 38, 1, 0, 0, 0) == 0 && syscall(157, 22, 2, $argument, 0, 0) == 0 or die "no seccomp here: $!\n";
            exec @command;
            """);
        return path;
    }
}
