using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The libc functions that this assembly calls, all of them.</summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    public const int O_RDWR = 2;
    public const int O_CLOEXEC = 0x80000;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MADV_DONTFORK = 10;
    public const int AT_FDCWD = -100;
    public const uint STATX_BASIC_STATS = 0x7FF;

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    // ioctl is variadic in C. On x86-64 a variadic call without floating-point arguments passes them like any other.
    // Every exit goes through it, so errno is not cleared before and kept after each call: when it fails,
    // Marshal.GetLastSystemError has it until the next call.
    [LibraryImport(Library, EntryPoint = "ioctl")]
    public static partial int Ioctl(int descriptor, nuint request, nint argument);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport(Library, EntryPoint = "munmap", SetLastError = true)]
    public static partial int Munmap(nint address, nuint length);

    [LibraryImport(Library, EntryPoint = "madvise")]
    public static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport(Library, EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Statx(int folder, string path, int flags, uint mask, statx_result* result);

    [LibraryImport(Library, EntryPoint = "getxattr", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint GetAttribute(string path, string name, byte* value, nuint size);

    [LibraryImport(Library, EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUser();

    [LibraryImport(Library, EntryPoint = "getegid")]
    public static partial uint GetEffectiveGroup();

    [LibraryImport(Library, EntryPoint = "getgroups")]
    public static partial int GetGroups(int count, uint* groups);

    [LibraryImport(Library, EntryPoint = "getpid")]
    public static partial int GetPid();

    [LibraryImport(Library, EntryPoint = "gettid")]
    public static partial int GetThreadId();

    [LibraryImport(Library, EntryPoint = "tgkill", SetLastError = true)]
    public static partial int ThreadKill(int process, int thread, int signal);

    [LibraryImport(Library, EntryPoint = "sigaction", SetLastError = true)]
    public static partial int SignalAction(int signal, SignalActionRecord* action, SignalActionRecord* previous);
}
