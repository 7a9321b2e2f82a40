using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>
/// A terminal whose other side nobody reads, as a stopped ssh or terminal program leaves it: it takes a few KiB, then every write waits. The
/// command ends all the same.
/// </summary>
public sealed partial class UnreadTerminalTests : IDisposable
{
    // O_RDWR | O_NOCTTY
    private const int Open = 0x102;

    // Far above what is promised, far below for ever, which is what it was.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // mov dx,3f8; mov cx,50000; mov al,'H'; again: out dx,al; loop again; then mov al,5; out f4,al, or the same again.
    [Theory]
    [InlineData("BAF803B950C3B048EEE2FDB005E6F4", "", 11)]
    [InlineData("BAF803B950C3B048EEE2FDEBFB", "--timeout 2", 124)]
    [InlineData("BAF803B950C3B048EEE2FDEBFB", "& sleep 2; kill -TERM $!; wait $!", 90)]
    public void ATerminalThatNobodyReadsHoldsUpNothing(string code, string rest, int status)
    {
        string guest = Path.Combine(_folder, "guest");
        File.WriteAllBytes(guest, Convert.FromHexString(code));
        int terminal = OpenTerminal(Open);
        Assert.SkipWhen(terminal < 0 || GrantTerminal(terminal) != 0 || UnlockTerminal(terminal) != 0, "no pseudo-terminals here");
        try
        {
            string name = Marshal.PtrToStringUTF8(NameTerminal(terminal))!;
            string script = $"exec <{name} >{name} 2>{name}; \"{VitrineCommand.Program}\" run --flat {guest}@0x1000 --mode real --accel soft --times {rest}";
            using Process process = Process.Start(new ProcessStartInfo("setsid", ["-w", "sh", "-c", script]))!;
            bool ended = process.WaitForExit(Patience);
            if (!ended) process.Kill(entireProcessTree: true);
            Assert.True(ended, $"No end within {Patience}.");
            Assert.Equal(status, process.ExitCode);
        }
        finally
        {
            _ = Close(terminal);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [LibraryImport("libc", EntryPoint = "posix_openpt")]
    private static partial int OpenTerminal(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt")]
    private static partial int GrantTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlockpt")]
    private static partial int UnlockTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "ptsname")]
    private static partial nint NameTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
