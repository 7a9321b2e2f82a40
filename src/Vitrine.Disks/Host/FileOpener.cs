using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Vitrine.Errors;

namespace Vitrine.Disks.Host;

/// <summary>Opens the files that images are kept in, and says what is wrong with those that can't be.</summary>
internal static unsafe class FileOpener
{
    // SAFETY: the only pointers are to structures on the stack.
    private const int PrivateFileMode = 6 << 6;

    /// <summary>Opens a file that is there.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="isReadOnly">True to open it for reading.</param>
    /// <param name="cache">What the host keeps of it.</param>
    /// <exception cref="VitrineException">It is missing, is none that can be read in any order, or may not be opened.</exception>
    public static HostFile Open(string path, bool isReadOnly, DiskCache cache)
    {
        if (path.Length == 0)
        {
            throw VitrineException.User(
                ErrorCode.DiskMissing, "The disk '' can't be opened: its path is empty.", "A variable of a script is probably not set.", "Give the path of an image.")
                .With("path", path);
        }

        // A pipe's other end is not waited for; files and devices don't know the flag.
        int flags = (isReadOnly ? HostCalls.O_RDONLY : HostCalls.O_RDWR) | HostCalls.O_CLOEXEC | HostCalls.O_NONBLOCK;
        SafeFileHandle file = Open(path, flags, 0);
        SafeFileHandle? direct = null;
        try
        {
            FileStatus status = Status(file, path);
            if (!status.IsRegular && !status.IsBlockDevice) throw NotRegular(path);
            if (cache == DiskCache.None)
            {
                // The same file under whatever name it has now; file systems in memory refuse the flag, and have nothing else than a cache.
                int descriptor = HostCalls.Open(
                    string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}"), flags | HostCalls.O_DIRECT, 0);
                if (descriptor >= 0) direct = new SafeFileHandle(descriptor, ownsHandle: true);
            }

            return new HostFile(file, direct, path, isReadOnly, status.IsBlockDevice);
        }
        catch
        {
            direct?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Creates a file that has no name any more, so that it is gone with its descriptor.</summary>
    /// <exception cref="VitrineException">It can't be created.</exception>
    public static HostFile CreateTemporary()
    {
        // /tmp is often memory; what a guest writes may be large.
        string folder = Environment.GetEnvironmentVariable("TMPDIR") is { Length: > 0 } given ? given : "/var/tmp";
        string path = Path.Combine(folder, $"vitrine-overlay-{Guid.NewGuid():n}");
        int flags = HostCalls.O_RDWR | HostCalls.O_CREAT | HostCalls.O_EXCL | HostCalls.O_CLOEXEC;
        SafeFileHandle file = Open(path, flags, PrivateFileMode);
        _ = HostCalls.Unlink(path);
        return new HostFile(file, direct: null, path, isReadOnly: false, isDevice: false);
    }

    /// <summary>What the host knows of an open file.</summary>
    /// <exception cref="VitrineException">It tells nothing.</exception>
    public static FileStatus Status(SafeFileHandle file, string path)
    {
        FileStatus status;
        return HostCalls.Statx(file, "", HostCalls.AT_EMPTY_PATH, HostCalls.STATX_BASIC_STATS, &status) == 0
            ? status
            : throw Failed(path, Marshal.GetLastPInvokeError());
    }

    private static SafeFileHandle Open(string path, int flags, int mode)
    {
        while (true)
        {
            int descriptor = HostCalls.Open(path, flags, mode);
            if (descriptor >= 0) return new SafeFileHandle(descriptor, ownsHandle: true);
            int error = Marshal.GetLastPInvokeError();
            if (error == HostCalls.EINTR) continue;
            throw (flags & HostCalls.O_CREAT) != 0 ? NotCreated(path, error) : error switch
            {
                HostCalls.ENOENT or HostCalls.ENOTDIR => Missing(path),
                HostCalls.EACCES or HostCalls.EPERM or HostCalls.EROFS => Denied(path, (flags & HostCalls.O_RDWR) != 0),
                HostCalls.EISDIR or HostCalls.ENXIO => NotRegular(path),
                _ => Failed(path, error),
            };
        }
    }

    private static VitrineException Missing(string path) => VitrineException.User(
        ErrorCode.DiskMissing,
        $"The disk '{path}' does not exist.",
        "The path is probably mistyped, or the image has not been made yet.",
        "Give the path of an image, or make one first.").With("path", path);

    private static VitrineException Denied(string path, bool forWriting) => VitrineException.User(
        ErrorCode.DiskDenied,
        $"The disk '{path}' can't be opened for {(forWriting ? "writing" : "reading")}.",
        "This user has no right to it, or its file system is mounted for reading only.",
        $"Check it with `ls -l '{path}'`{(forWriting ? ", or open it for reading, or with an overlay" : "")}.").With("path", path).With("writing", forWriting);

    private static VitrineException NotRegular(string path) => VitrineException.User(
        ErrorCode.DiskNotRegular,
        $"The disk '{path}' is neither a regular file nor a block device.",
        "A disk is read and written in any order, which directories, pipes and other devices don't allow.",
        "Give the path of an image or of a block device.").With("path", path);

    private static VitrineException NotCreated(string path, int error) => VitrineException.Host(
        ErrorCode.DiskNotCreated,
        $"The file '{path}' can't be created: {Marshal.GetPInvokeErrorMessage(error)}.",
        "There is already one of that name, its folder does not exist, or this user has no right to write there.",
        "Give another path, or delete what is there.").With("path", path).With("errno", error);

    private static VitrineException Failed(string path, int error) => VitrineException.Host(
        ErrorCode.DiskOpenFailed,
        $"The disk '{path}' can't be opened: {Marshal.GetPInvokeErrorMessage(error)} (errno {error.ToString(CultureInfo.InvariantCulture)}).",
        "The host refused it for a reason of its own.",
        "Look at the host's log, and try it with another file.").With("path", path).With("errno", error);
}
