using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>
/// The system calls behind the console. The framework's own console streams are not used: they edit lines on a terminal
/// and would change its settings.
/// </summary>
internal static unsafe partial class Libc
{
    private const int ReadOnly = 0;
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Truncate = 0x200;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NewFileMode = 6 << 6 | 6 << 3 | 6;
    private const int Eintr = 4;
    private const int Enxio = 6;
    private const int Eagain = 11;
    private const int Enotty = 25;
    private const int Efbig = 27;
    private const int Enospc = 28;
    private const int Edquot = 122;
    private const int CurrentFolder = -100;
    private const int EmptyPath = 0x1000;
    private const uint StatxType = 1;
    private const uint StatxInode = 0x100;
    private const int TypeMask = 0xF000;
    private const nuint Tiocgwinsz = 0x5413;
    private const int ClockBoottime = 7;
    private const int ScClkTck = 2;
    private const int RlimitCpu = 0;
    private const int FGetfd = 1;
    private const int FdCloexec = 1;
    private const int Sigstop = 19;
    private const int Sigpipe = 13;
    private const int Sigxfsz = 25;
    private const nint SigDfl = 0;
    private const nint SigIgn = 1;
    private const int ExecuteAccess = 1;
    private const int EffectiveIds = 0x200;
    private const int Setuid = 0x800;
    private const int Setgid = 0x400;
    private const uint StatxRights = 0x1A;
    private const int TcsaNow = 0;
    private const short PollIn = 1;
    private const short PollOut = 4;

    private static nint s_fileSizeAction;

    /// <summary>True when the descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => Isatty(descriptor) == 1;

    /// <summary>
    /// True when this process may read the terminal and change it without being stopped: it is in the foreground, or the terminal is not its
    /// controlling one (ENOTTY), where there is no foreground.
    /// </summary>
    public static bool IsForeground(int descriptor)
    {
        int group = Tcgetpgrp(descriptor);
        return group == Getpgrp() || (group < 0 && Marshal.GetLastPInvokeError() == Enotty);
    }

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

    /// <summary>Opens a file for reading. A pipe's writer is not waited for.</summary>
    /// <param name="path">Its name, without a zero at the end.</param>
    /// <returns>The descriptor, or −1.</returns>
    public static int OpenToRead(byte[] path) => Open(path, ReadOnly | NonBlocking | CloseOnExec);

    /// <summary>Opens a file for writing; it is created or made empty.</summary>
    /// <param name="path">Its name, without a zero at the end.</param>
    /// <returns>The descriptor, or −1.</returns>
    public static int OpenToWrite(byte[] path) => Open(path, WriteOnly | Create | Truncate | CloseOnExec);

    /// <summary>Opens a pipe for writing, if somebody reads it.</summary>
    /// <param name="path">Its name, without a zero at the end.</param>
    /// <param name="isUnread">True when nobody does.</param>
    /// <returns>The descriptor, or −1.</returns>
    public static int OpenPipeToWrite(byte[] path, out bool isUnread)
    {
        int descriptor = Open(path, WriteOnly | NonBlocking | CloseOnExec);
        isUnread = descriptor < 0 && Marshal.GetLastPInvokeError() == Enxio;
        return descriptor;
    }

    /// <summary>Why the last call failed.</summary>
    public static string DescribeLastError() => Marshal.GetLastPInvokeErrorMessage();

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
    public static void IgnoreFileSizeSignal() => s_fileSizeAction = Signal(Sigxfsz, SigIgn);

    /// <summary>
    /// Before another program takes this process over, which would find signals ignored that were not: ours, and SIGPIPE, which the runtime ignores from
    /// the start on without keeping what it was.
    /// </summary>
    public static void RestoreIgnoredSignals()
    {
        Signal(Sigxfsz, s_fileSizeAction);
        Signal(Sigpipe, SigDfl);
    }

    /// <summary>True when this process may execute a file.</summary>
    public static bool MayExecute(string path)
    {
        // SAFETY: the array with its terminating zero is pinned for the call.
        fixed (byte* start = (byte[])[.. HostPath.Encode(path), 0]) return Faccessat(CurrentFolder, start, ExecuteAccess, EffectiveIds) == 0;
    }

    /// <summary>True when a process that executes the file has other rights than this one, so that ld.so(8) preloads nothing.</summary>
    public static bool GainsRights(string path)
    {
        if (!TryGetStatus(CurrentFolder, path, 0, StatxRights, out FileStatus status)) return false;
        uint user = Geteuid();
        if (((status.Mode & Setuid) != 0 && status.User != user) || ((status.Mode & Setgid) != 0 && status.Group != Getegid())) return true;

        // SAFETY: the arrays with their terminating zeros are pinned for the call, which writes nothing.
        fixed (byte* start = (byte[])[.. HostPath.Encode(path), 0], name = "security.capability\0"u8) return user != 0 && Getxattr(start, name, null, 0) > 0;
    }

    /// <summary>Starts a program in place of this one. Returns only when that fails.</summary>
    /// <param name="path">Its file, without a zero at the end, as all that follows.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Its environment.</param>
    public static void Execute(byte[] path, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        byte** argumentTable = Table(arguments);
        byte** environmentTable = Table(environment);

        // SAFETY: the array with its terminating zero is pinned for the call; the tables end with null.
        fixed (byte* start = (byte[])[.. path, 0]) _ = Execve(start, argumentTable, environmentTable);
    }

    /// <summary>Says what a path names, where its links lead.</summary>
    /// <returns>False when that can't be found out.</returns>
    public static bool TryGetType(string path, out FileType type)
    {
        bool found = TryGetStatus(CurrentFolder, path, 0, StatxType, out FileStatus status);
        type = (FileType)(status.Mode & TypeMask);
        return found;
    }

    /// <summary>Says which file a path names.</summary>
    public static bool TryIdentify(string path, out FileIdentity file) => TryIdentify(CurrentFolder, path, 0, out file);

    /// <summary>Says which file a descriptor shows.</summary>
    public static bool TryIdentify(int descriptor, out FileIdentity file) => TryIdentify(descriptor, "", EmptyPath, out file);

    /// <summary>Nanoseconds since the host booted, suspended time included.</summary>
    public static long NanosecondsSinceBoot()
    {
        _ = ClockGettime(ClockBoottime, out TimeSpec time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    /// <summary>The unit of times in /proc.</summary>
    public static long TicksPerSecond() => Sysconf(ScClkTck);

    /// <summary>
    /// Lets SIGXCPU come a second before the limit of processor time: where the soft limit is the hard one, as `ulimit -t` sets them, the kernel
    /// sends SIGKILL at once.
    /// </summary>
    public static void AnnounceTimeLimit()
    {
        if (Getrlimit(RlimitCpu, out ResourceLimit limit) != 0 || limit.Soft < limit.Hard || limit.Hard == ulong.MaxValue) return;
        limit.Soft = Math.Max(1, limit.Hard - 1);
        _ = Setrlimit(RlimitCpu, in limit);
    }

    /// <summary>Reads a terminal's size.</summary>
    /// <returns>False when it is no terminal, or one that doesn't know.</returns>
    public static bool TryGetWindowSize(int descriptor, out TerminalSize size)
    {
        bool known = Ioctl(descriptor, Tiocgwinsz, out WindowSize window) == 0 && window is { Rows: > 0, Columns: > 0 };
        size = new TerminalSize(window.Rows, window.Columns);
        return known;
    }

    /// <summary>Reads a terminal's settings.</summary>
    public static bool TryGetAttributes(int descriptor, out Termios settings) => Tcgetattr(descriptor, out settings) == 0;

    /// <summary>Sets a terminal's settings at once: the output of a terminal that nobody reads never drains.</summary>
    public static bool TrySetAttributes(int descriptor, in Termios settings) => Tcsetattr(descriptor, TcsaNow, in settings) == 0;

    /// <summary>Suspends this process until somebody continues it, as Ctrl-Z does.</summary>
    public static void StopThisProcess() => Kill(Environment.ProcessId, Sigstop);

    // In native memory, which stays until the process ends or is another program's.
    private static byte** Table(IReadOnlyList<byte[]> texts)
    {
        byte** table = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (int n = 0; n < texts.Count; n++)
        {
            // SAFETY: room for the text and its zero.
            table[n] = (byte*)NativeMemory.AllocZeroed((nuint)texts[n].Length + 1);
            texts[n].CopyTo(new Span<byte>(table[n], texts[n].Length));
        }

        return table;
    }

    private static int Open(byte[] path, int flags)
    {
        // SAFETY: the array with its terminating zero is pinned for the call.
        fixed (byte* start = (byte[])[.. path, 0]) return OpenCall(start, flags, NewFileMode);
    }

    private static bool TryGetStatus(int folder, string path, int flags, uint mask, out FileStatus status)
    {
        // SAFETY: the array with its terminating zero is pinned for the call.
        fixed (byte* start = (byte[])[.. HostPath.Encode(path), 0]) return Statx(folder, start, flags, mask, out status) == 0;
    }

    private static bool TryIdentify(int folder, string path, int flags, out FileIdentity file)
    {
        bool found = TryGetStatus(folder, path, flags, StatxInode, out FileStatus status);
        file = new FileIdentity(status.DeviceMajor, status.DeviceMinor, status.Inode);
        return found;
    }

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

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    private static partial int Tcgetpgrp(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int Getpgrp();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    // Variadic in C; Linux passes the third argument like any other on x86-64 and Arm64.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int OpenCall(byte* path, int flags, int mode);

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

    [LibraryImport("libc", EntryPoint = "statx")]
    private static partial int Statx(int folder, byte* path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGettime(int clock, out TimeSpec time);

    [LibraryImport("libc", EntryPoint = "sysconf")]
    private static partial nint Sysconf(int name);

    // Variadic in C as well.
    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ioctl(int descriptor, nuint request, out WindowSize window);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Getrlimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Setrlimit(int resource, in ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "faccessat")]
    private static partial int Faccessat(int folder, byte* path, int mode, int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint Geteuid();

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint Getegid();

    [LibraryImport("libc", EntryPoint = "getxattr")]
    private static partial nint Getxattr(byte* path, byte* name, byte* value, nuint size);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    private static partial int Execve(byte* path, byte** arguments, byte** environment);

    // struct rlimit of 64-bit architectures.
    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    // struct statx, the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStatus
    {
        [FieldOffset(20)]
        public uint User;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    // struct timespec of 64-bit architectures.
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    // struct winsize.
    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort Width;
        public ushort Height;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
