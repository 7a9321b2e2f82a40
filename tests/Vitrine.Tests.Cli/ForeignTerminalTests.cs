using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>A terminal that is not the controlling one: no job control reaches there, so there is no background, and its keys are the guest's.</summary>
public sealed partial class ForeignTerminalTests : IDisposable
{
    // O_RDWR | O_NOCTTY
    private const int Open = 0x102;
    private const int Left = 90;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    [Fact]
    public void ItsKeysAreRead()
    {
        // jmp $
        string guest = Path.Combine(_folder, "guest");
        File.WriteAllBytes(guest, [0xEB, 0xFE]);
        using SafeFileHandle terminal = new(OpenTerminal(Open), ownsHandle: true);
        int descriptor = (int)terminal.DangerousGetHandle();
        Assert.SkipWhen(terminal.IsInvalid || GrantTerminal(descriptor) != 0 || UnlockTerminal(descriptor) != 0, "no pseudo-terminals here");
        string name = Marshal.PtrToStringUTF8(NameTerminal(descriptor))!;

        // The shell leads no session, so that the terminal doesn't become its controlling one.
        string script = $"exec \"{VitrineCommand.Program}\" run --flat {guest}@0x1000 --mode real --accel soft --timeout 30 <{name}";
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]))!;
        using (FileStream keys = new(terminal, FileAccess.Write, bufferSize: 0))
        {
            // Ctrl-A X
            keys.Write([1, (byte)'x']);
            bool ended = process.WaitForExit(Patience);
            if (!ended) process.Kill();
            Assert.True(ended, $"No end within {Patience}.");
        }

        Assert.Equal(Left, process.ExitCode);
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
}
