using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>
/// The system calls behind the console. The framework's own console streams are not used: they edit lines on a terminal
/// and would change its settings.
/// </summary>
internal static unsafe partial class Libc
{
    private const int Eintr = 4;
    private const int Eagain = 11;
    private const int Efbig = 27;
    private const int Enospc = 28;
    private const int Edquot = 122;
    private const int FGetfd = 1;
    private const int FdCloexec = 1;
    private const int Sigstop = 19;
    private const int Sigxfsz = 25;
    private const nint SigIgn = 1;
    private const int TcsaNow = 0;
    private const short PollIn = 1;
    private const short PollOut = 4;

    /// <summary>True when the descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => Isatty(descriptor) == 1;

    /// <summary>True when this process may read the terminal and change it without being stopped.</summary>
    public static bool IsForeground(int descriptor) => Tcgetpgrp(descriptor) == Getpgrp();

    /// <summary>Reads what is there, waiting for the first byte.</summary>
    /// <returns>How many bytes; 0 at the end or after an error.</returns>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        while (true)
        {
            // SAFETY: the span is pinned for the call, and its length goes with it.
            fixed (byte* start = buffer)
            {
                nint count = ReadCall(descriptor, start, (nuint)buffer.Length);
                if (count >= 0) return (int)count;
            }

            if (!ShouldRetry(descriptor, PollIn)) return 0;
        }
    }

    /// <summary>Writes everything.</summary>
    public static WriteResult WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint count;

            // SAFETY: the span is pinned for the call, and its length goes with it.
            fixed (byte* start = bytes) count = WriteCall(descriptor, start, (nuint)bytes.Length);
            if (count > 0) bytes = bytes[(int)count..];
            else if (Marshal.GetLastPInvokeError() is Efbig or Enospc or Edquot) return WriteResult.Full;
            else if (!ShouldRetry(descriptor, PollOut)) return WriteResult.Closed;
        }

        return WriteResult.Done;
    }

    /// <summary>True when the number is that of an open file.</summary>
    public static bool IsOpen(int descriptor) => Fcntl(descriptor, FGetfd, 0) >= 0;

    /// <summary>True when the descriptor does not outlive execve.</summary>
    public static bool ClosesOnExec(int descriptor) => (Fcntl(descriptor, FGetfd, 0) & FdCloexec) != 0;

    /// <summary>Makes a pipe that children inherit.</summary>
    public static bool TryCreatePipe(out int reader, out int writer)
    {
        Span<int> ends = stackalloc int[2];

        // SAFETY: pipe(2) writes two descriptors, for which there is room.
        fixed (int* first = ends)
        {
            bool made = Pipe(first) == 0;
            (reader, writer) = (ends[0], ends[1]);
            return made;
        }
    }

    /// <summary>Makes a number show the same file as another one.</summary>
    public static void Duplicate(int descriptor, int number) => _ = Dup2(descriptor, number);

    /// <summary>Closes a descriptor.</summary>
    public static void Close(int descriptor) => _ = CloseCall(descriptor);

    /// <summary>From now on a write beyond the limit of a file's size (RLIMIT_FSIZE) fails with EFBIG instead of ending the process.</summary>
    public static void IgnoreFileSizeSignal() => Signal(Sigxfsz, SigIgn);

    /// <summary>Reads a terminal's settings.</summary>
    public static bool TryGetAttributes(int descriptor, out Termios settings) => Tcgetattr(descriptor, out settings) == 0;

    /// <summary>Sets a terminal's settings at once: the output of a terminal that nobody reads never drains.</summary>
    public static bool TrySetAttributes(int descriptor, in Termios settings) => Tcsetattr(descriptor, TcsaNow, in settings) == 0;

    /// <summary>Suspends this process until somebody continues it, as Ctrl-Z does.</summary>
    public static void StopThisProcess() => Kill(Environment.ProcessId, Sigstop);

    // A terminal shared with other programs may be in non-blocking mode: then wait until it is ready.
    private static bool ShouldRetry(int descriptor, short events)
    {
        switch (Marshal.GetLastPInvokeError())
        {
            case Eintr:
                return true;
            case Eagain:
                PollEntry entry = new() { Descriptor = descriptor, Events = events };
                return Poll(ref entry, 1, -1) >= 0 || Marshal.GetLastPInvokeError() == Eintr;
            default:
                return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int Isatty(int descriptor);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
    private static partial int Tcgetpgrp(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int Getpgrp();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    // Variadic in C; Linux passes the third argument like any other on x86-64 and Arm64.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "pipe", SetLastError = true)]
    private static partial int Pipe(int* ends);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Dup2(int descriptor, int number);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseCall(int descriptor);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadCall(int descriptor, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteCall(int descriptor, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollEntry entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int Tcgetattr(int descriptor, out Termios settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int Tcsetattr(int descriptor, int when, in Termios settings);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
