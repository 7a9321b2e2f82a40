using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>vitrine kvm: the program that it becomes, and what it refuses.</summary>
public sealed class KvmCommandTests
{
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Theory]
    [InlineData("kvm", "No command was given.")]
    [InlineData("kvm --", "No command was given.")]
    [InlineData("kvm --tracee calls -- true", "'--tracee' is no option of kvm.")]
    [InlineData("kvm true", "'true' is no option of kvm.")]
    [InlineData("kvm -- no-such-program", "The program 'no-such-program' was not found.")]
    [InlineData("kvm -- ./no-such-program", "The program './no-such-program' was not found.")]
    [InlineData("kvm -- /etc/passwd", "The file '/etc/passwd' can't be executed.")]
    [InlineData("kvm -- /etc", "The file '/etc' can't be executed.")]
    [InlineData("kvm --cpu x86-64-v9 -- true", "There is no CPU model called 'x86-64-v9'.")]
    [InlineData("kvm --soft jit -- true", "--soft 'jit' is not an engine of the software CPU.")]
    [InlineData("kvm --mmu flat -- true", "--mmu 'flat' is not an MMU mode.")]
    [InlineData("kvm --cpu x86-64-v3 --soft interpreter -- true", "The interpreter does not have the CPU model x86-64-v3.")]
    public void WhatCannotBeServedIsNamed(string command, string problem)
    {
        (int status, string output, string errors) = VitrineCommand.Run(command.Split(' '));
        Assert.Equal((64, ""), (status, output));
        Assert.StartsWith($"vitrine: {problem}", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void ProgramsOfAnotherArchitectureAreRefused()
    {
        byte[] file = Elf(interpreter: null);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 183); // EM_AARCH64
        AssertRefused(file, "it is no program of 64-bit x86 code");
        file[4] = 1; // ELFCLASS32
        AssertRefused(file, "it is no program of 64-bit x86 code");
    }

    [Fact]
    public void ProgramsOfAnotherCLibraryAreRefused() => AssertRefused(Elf("/lib/ld-musl-x86_64.so.1"), "it loads the C library musl");

    [Fact]
    public void ProgramsThatGainRightsAreRefused()
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can give a file to another user");
        using TempFile file = new(Elf("/lib64/ld-linux-x86-64.so.2"));
        (int status, _, string errors) = VitrineCommand.RunInShell($"chown 1:1 {file.Path} && chmod 4755 {file.Path} && exec \"$VITRINE\" kvm --force -- {file.Path}");
        Assert.Equal(64, status);
        Assert.Contains("it gains rights when it is executed", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void AScriptThatNamesNoInterpreterThereIsSaysSo()
    {
        using TempFile script = new("#!/no/such/interpreter -x\n"u8);
        File.SetUnixFileMode(script.Path, Executable);
        (int status, _, string errors) = VitrineCommand.Run(["kvm", "--force", "--", script.Path]);
        Assert.Equal(64, status);
        Assert.Contains("'/no/such/interpreter' was not found.", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("kill -TERM $$", 128 + 15)]
    [InlineData("kill -KILL $$", 128 + 9)]
    public void StatusAndSignalsAreTheProgramsOwn(string script, int expected)
    {
        ServingParts.SkipUnlessPresent();
        (int status, _, _) = VitrineCommand.RunInShell($"\"$VITRINE\" kvm --force -- sh -c '{script}'");
        Assert.Equal(expected, status);
    }

    [Fact]
    public void TheProgramFindsWhatItWouldFindWithoutUs()
    {
        ServingParts.SkipUnlessPresent();
        // The runtime of these tests ignores SIGPIPE, and what it starts inherits that.
        const string AsAShellDoes = "env --default-signal=PIPE";
        const string Look =
            "umask; pwd; ulimit -n; ulimit -s; echo \"$1|$2\"; grep -E \"^(SigBlk|SigIgn|SigCgt|Threads)\" /proc/self/status; ls /proc/self/fd; cat; env | grep X=";
        // Both from one shell: what other tests have open at the moment is inherited by both.
        const string Mark = "=====";
        string look = $"sh -c '{Look}' sh 'a b' '' </dev/null";
        (int status, string output, _) = VitrineCommand.RunInShell(
            $"export X=$(printf '\\377'); {AsAShellDoes} {look}; echo {Mark}; exec {AsAShellDoes} \"$VITRINE\" kvm --force -- {look}");
        Assert.Equal(0, status);
        string[] parts = output.Split(Mark + "\n");
        Assert.Equal(2, parts.Length);
        (string plain, string served) = (parts[0], parts[1]);
        Assert.Contains("a b|", plain, StringComparison.Ordinal);
        Assert.Equal(plain, served);
    }

    /// <summary>Enlarging it later makes a process with threads wait (proc(5), /proc/PID/status: FDSize).</summary>
    [Fact]
    public void ThereIsRoomForOurDescriptorsBeforeTheProgramHasThreads()
    {
        ServingParts.SkipUnlessPresent();
        (int status, string output, _) = VitrineCommand.RunInShell("exec \"$VITRINE\" kvm --force -- grep FDSize /proc/self/status");
        Assert.Equal(0, status);
        Assert.InRange(int.Parse(output.Split('\t')[1], CultureInfo.InvariantCulture), 513, int.MaxValue);
    }

    [Fact]
    public void LibrariesThatArePreloadedAlreadyStay()
    {
        ServingParts.SkipUnlessPresent();
        (_, string output, _) = VitrineCommand.RunInShell("LD_PRELOAD=libm.so.6 exec \"$VITRINE\" kvm --force -- sh -c 'echo $LD_PRELOAD'");
        Assert.EndsWith("/vitrine-kvm-hook.so:libm.so.6", output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheEnvironmentThatIsPrintedServes()
    {
        ServingParts.SkipUnlessPresent();
        (int status, string output, string errors) = VitrineCommand.Run(["kvm", "--print-env", "--cpu", "x86-64-v2", "--soft", "interpreter"]);
        Assert.Equal((0, ""), (status, errors));
        string[] names = [.. output.TrimEnd().Split('\n').Select(static line => line.Split('=')[0])];
        Assert.Equal(["LD_PRELOAD", "VITRINE_KVM_CORE", "VITRINE_KVM_LOADER", "VITRINE_KVM_CPU", "VITRINE_KVM_SOFT"], names);
        (status, string shown, _) = VitrineCommand.RunInShell("env $(\"$VITRINE\" kvm --print-env) sh -c 'test -c /dev/kvm -a -w /dev/kvm && echo served'");
        Assert.Equal((0, "served"), (status, shown.TrimEnd()));
    }

    private static void AssertRefused(byte[] program, string why)
    {
        using TempFile file = new(program);
        File.SetUnixFileMode(file.Path, Executable);
        (int status, _, string errors) = VitrineCommand.Run(["kvm", "--force", "--", file.Path]);
        Assert.Equal(64, status);
        Assert.Contains(why, errors, StringComparison.Ordinal);
    }

    // An ELF header and, where there is an interpreter, the program header that names it.
    private static byte[] Elf(string? interpreter)
    {
        byte[] file = new byte[256];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 62);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), 1);
        if (interpreter is null) return file;
        file[64] = 3;
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(72), 128);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(96), (ulong)interpreter.Length + 1);
        Encoding.ASCII.GetBytes(interpreter, file.AsSpan(128));
        return file;
    }
}
