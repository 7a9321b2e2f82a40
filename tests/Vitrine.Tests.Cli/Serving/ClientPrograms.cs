using System.Diagnostics;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>The clients of /dev/kvm in tests/kvm-clients, compiled when they are first wanted.</summary>
public sealed class ClientPrograms : IDisposable
{
    // musl-gcc knows no headers but its own; those of the kernel come last.
    private const string KernelHeaders = "-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu";

    // Rows of one theory may run side by side.
    private readonly Lock _lock = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-clients-").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The path of a client. Skips the running test where it can't be built for want of a compiler.</summary>
    internal string Get(string name, ClientBuild build)
    {
        string program = Path.Combine(_folder, $"{name}-{build}");
        using Lock.Scope one = _lock.EnterScope();
        if (File.Exists(program)) return program;
        string compiler = build == ClientBuild.Musl ? "musl-gcc" : "gcc";
        Assert.SkipWhen(HostProgram.Find(compiler) is null, $"{compiler} is not installed");
        string source = Path.Combine(RepositoryRoot.Path, "tests/kvm-clients", $"{name}.c");
        string kind = build switch
        {
            ClientBuild.Static => "-static",
            ClientBuild.StaticPie => "-static-pie",
            ClientBuild.Musl => $"-static {KernelHeaders}",
            _ => "",
        };
        string arguments = $"-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror {kind} -o {program} {source} -pthread";
        (int status, _, string errors) = HostProgram.Run(compiler, arguments, _folder, []);
        Assert.True(status == 0, errors);
        return program;
    }

    /// <summary>The path of a client that has no C library at all.</summary>
    internal string GetRaw(string name)
    {
        string program = Path.Combine(_folder, $"{name}-raw");
        using Lock.Scope one = _lock.EnterScope();
        if (File.Exists(program)) return program;
        Assert.SkipWhen(HostProgram.Find("gcc") is null, "gcc is not installed");
        string source = Path.Combine(RepositoryRoot.Path, "tests/kvm-clients", $"{name}.c");
        string arguments = $"-std=c11 -O2 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-stack-protector -o {program} {source}";
        (int status, _, string errors) = HostProgram.Run("gcc", arguments, _folder, []);
        Assert.True(status == 0, errors);
        return program;
    }

    /// <summary>Runs a program that checks things and says so in lines that begin with "ok" where it found them.</summary>
    internal static void CheckOutput(int status, string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, static line => Assert.StartsWith("ok ", line, StringComparison.Ordinal));
        Assert.Equal(0, status);
    }

    /// <summary>Runs a program without any help.</summary>
    internal static (int Status, string Output) RunPlainly(string program)
    {
        using Process process = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
