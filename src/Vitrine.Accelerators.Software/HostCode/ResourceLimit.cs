using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>What the process may take of the host, see getrlimit(2). Linux only.</summary>
internal static unsafe partial class ResourceLimit
{
    // SAFETY: the call fills the two numbers that it is given.
    private const int RLIMIT_FSIZE = 1;
    private const int RLIMIT_AS = 9;

    /// <summary>
    /// The longest that a file may become, in bytes; memory that memfd_create(2) gives is one. ulong.MaxValue: without a limit.
    /// </summary>
    public static ulong FileSize => Of(RLIMIT_FSIZE);

    /// <summary>The most address space in bytes, used or not. ulong.MaxValue: without a limit.</summary>
    public static ulong AddressSpace => Of(RLIMIT_AS);

    private static ulong Of(int resource)
    {
        ulong* limits = stackalloc ulong[2];
        return Getrlimit(resource, limits) == 0 ? limits[0] : ulong.MaxValue;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Getrlimit(int resource, ulong* limits);
}
