using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Vitrine.Errors;

namespace Vitrine.Memory;

/// <summary>Memory objects of the host, which have a descriptor but no name, see memfd_create(2).</summary>
internal static unsafe partial class MemoryFile
{
    // SAFETY: the calls read a string and fill the two numbers that they are given.
    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_ALLOW_SEALING = 2;
    private const uint MFD_NOEXEC_SEAL = 8;
    private const int F_ADD_SEALS = 1033;
    private const int F_SEAL_SEAL = 1;
    private const int F_SEAL_SHRINK = 2;
    private const int F_SEAL_GROW = 4;
    private const int RLIMIT_FSIZE = 1;
    private const int EINVAL = 22;
    private const int EFBIG = 27;

    /// <summary>
    /// Makes one of zeros. Its size is sealed: who shares it can't make a mapping of it fault (SIGBUS) by cutting it off.
    /// </summary>
    /// <param name="size">Size in bytes.</param>
    /// <exception cref="VitrineException">The host has no such objects, or refused one of this size.</exception>
    public static SafeFileHandle Create(ulong size)
    {
        // To make a file longer than a file may be would bring SIGXFSZ.
        ulong longest = LongestFile();
        if (size > longest) throw Refused(size, $"RLIMIT_FSIZE limits files, and this is one, to {longest >> 10} KiB", EFBIG);

        // The seal forbids to start it as a program; hosts may insist on it, and old kernels don't know it.
        int descriptor = MemfdCreate("vitrine-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == EINVAL) descriptor = MemfdCreate("vitrine-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (descriptor < 0) throw Refused(size, "memfd_create failed", Marshal.GetLastPInvokeError());
        SafeFileHandle file = new(descriptor, ownsHandle: true);
        if (Ftruncate(descriptor, (long)size) == 0 && Fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return file;
        int error = Marshal.GetLastPInvokeError();
        file.Dispose();
        throw Refused(size, "its size could not be set and sealed", error);
    }

    private static VitrineException Refused(ulong size, string reason, int error) => VitrineException.Host(
        ErrorCode.MemorySharedRefused,
        $"The host refused {size >> 10} KiB of memory that can be shared ({reason}, errno {error}).",
        "Shared guest memory is a memory object, for which the host has limits of its own or no support.",
        "Give the guest less memory, or memory that isn't shared, or raise the limit.").With("bytes", size).With("errno", error);

    private static ulong LongestFile()
    {
        ulong* limits = stackalloc ulong[2];
        return Getrlimit(RLIMIT_FSIZE, limits) == 0 ? limits[0] : ulong.MaxValue;
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Getrlimit(int resource, ulong* limits);
}
