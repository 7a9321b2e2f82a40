using System.Diagnostics;
using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>The software CPU under limits of the shell that starts it: with a smaller code cache, or an error that says which limit.</summary>
public sealed class ResourceLimitTests : IDisposable
{
    // mov al, 1; mov dx, 0xF4; out dx, al: the debug exit, with status 3.
    private static readonly byte[] s_guest = [0xB0, 1, 0x66, 0xBA, 0xF4, 0, 0xEE];

    private readonly string _file = Path.GetTempFileName();

    public ResourceLimitTests()
    {
        Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "machine code of another host");
        File.WriteAllBytes(_file, s_guest);
    }

    public void Dispose() => File.Delete(_file);

    // POSIX: ulimit -f counts in units of 512 bytes; -v, which dash and bash have, in KiB.
    [Theory]
    [InlineData("-f 8192", 3, "at most 4")]
    [InlineData("-f 1024", 72, "RLIMIT_FSIZE limits to 512 KiB")]
    [InlineData("-v 8000000", 3, "at most ")]
    public async Task WithALimit(string limit, int status, string text)
    {
        string[] command = [VitrineCommand.Program, "run", "--flat", $"{_file}@0x100000", "--accel", "soft", "--memory", "16M", "--stats"];
        ProcessStartInfo start = new("/bin/sh", ["-c", $"ulimit {limit} && exec \"$0\" \"$@\"", .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The .NET runtime's own code memory is a file too, longer than these.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        string errors = await process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        Assert.True(process.ExitCode == status, $"status {process.ExitCode}: {errors}");
        Assert.Contains(text, errors + await output, StringComparison.Ordinal);
    }
}
