using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>
/// The system calls behind the console. The framework's own console streams are not used: they edit lines on a terminal
/// and would change its settings.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>File descriptor of standard input.</summary>
    public const int StandardInput = 0;

    /// <summary>File descriptor of standard output.</summary>
    public const int StandardOutput = 1;

    /// <summary>File descriptor of standard error.</summary>
    public const int StandardError = 2;

    private const int Eintr = 4;
    private const int Eagain = 11;
    private const int Sigstop = 19;
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
    /// <returns>False when the other side is gone.</returns>
    public static bool WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint count;

            // SAFETY: the span is pinned for the call, and its length goes with it.
            fixed (byte* start = bytes) count = WriteCall(descriptor, start, (nuint)bytes.Length);
            if (count > 0) bytes = bytes[(int)count..];
            else if (!ShouldRetry(descriptor, PollOut)) return false;
        }

        return true;
    }

    /// <summary>Reads a terminal's settings.</summary>
    public static bool TryGetAttributes(int descriptor, out Termios settings) => Tcgetattr(descriptor, out settings) == 0;

    /// <summary>Sets a terminal's settings, after its output has drained.</summary>
    public static bool TrySetAttributes(int descriptor, in Termios settings) => Tcsetattr(descriptor, 1, in settings) == 0;

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
