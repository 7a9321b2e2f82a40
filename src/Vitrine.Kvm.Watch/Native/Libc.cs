using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Watch.Native;

/// <summary>The libc functions that this assembly calls, all of them.</summary>
internal static partial class Libc
{
    private const string Library = "libc";
    private const nint SYS_kcmp = 312;
    private const nint KCMP_FILE = 0;

    /// <summary>True when two descriptors of this process stand for one open file (kcmp(2)); false also where the kernel doesn't tell.</summary>
    public static bool AreOneFile(int one, int other) =>
        SystemCall(SYS_kcmp, Environment.ProcessId, Environment.ProcessId, KCMP_FILE, one, other) == 0;

    // Variadic in C. On x86-64 a variadic call without floating-point arguments passes them like any other.
    [LibraryImport(Library, EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint one, nint two, nint three, nint four, nint five);
}
