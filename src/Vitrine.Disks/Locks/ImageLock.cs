using Vitrine.Disks.Host;
using Vitrine.Errors;

namespace Vitrine.Disks.Locks;

/// <summary>
/// Keeps several programs from using an image in ways that exclude each other, as QEMU does: bytes of the file, far enough in for no format
/// to care, stand for what
/// an opener does to the image and for what it can't bear others to do. The locks on them are open-file-description locks for reading
/// (fcntl(2)): they never
/// wait for each other, and everybody looks at those of others after having set its own. They end with the descriptor.
/// </summary>
internal static unsafe class ImageLock
{
    // SAFETY: the only pointers are to structures on the stack.
    private const long UsesBase = 100;
    private const long ForbidsBase = 200;

    // Numbers of uses, as QEMU counts its permissions.
    private const int ReadUse = 0;
    private const int WriteUse = 1;
    private const int ResizeUse = 3;

    private static ReadOnlySpan<int> ReaderUses => [ReadUse];

    private static ReadOnlySpan<int> WriterUses => [ReadUse, WriteUse, ResizeUse];

    // Whoever reads what somebody else writes may read two things that don't fit together; a second writer would destroy the image.
    private static ReadOnlySpan<int> Forbidden => [WriteUse, ResizeUse];

    /// <summary>Says what this process does with an image from now on.</summary>
    /// <param name="file">The image's file.</param>
    /// <param name="isWriter">True when it writes.</param>
    /// <exception cref="VitrineException">Another program uses the image, or does not bear what is asked for.</exception>
    public static void Take(HostFile file, bool isWriter)
    {
        ReadOnlySpan<int> uses = isWriter ? WriterUses : ReaderUses;
        bool locks = true;
        foreach (int use in uses) locks &= Set(file, UsesBase + use);
        foreach (int use in Forbidden) locks &= Set(file, ForbidsBase + use);

        // A file system without locks; there is nobody to see them either.
        if (!locks) return;
        foreach (int use in uses)
        {
            if (IsSetByOther(file, ForbidsBase + use)) throw Refused(file.Name, isWriter);
        }

        foreach (int use in Forbidden)
        {
            if (IsSetByOther(file, UsesBase + use)) throw Refused(file.Name, isWriter);
        }
    }

    private static bool Set(HostFile file, long place)
    {
        FileLock wanted = new() { Type = FileLock.F_RDLCK, Start = place, Length = 1 };
        return HostCalls.Fcntl(file.Handle, HostCalls.F_OFD_SETLK, &wanted) == 0;
    }

    // A lock for writing would collide with any of another descriptor's.
    private static bool IsSetByOther(HostFile file, long place)
    {
        FileLock asked = new() { Type = FileLock.F_WRLCK, Start = place, Length = 1 };
        return HostCalls.Fcntl(file.Handle, HostCalls.F_OFD_GETLK, &asked) == 0 && asked.Type != FileLock.F_UNLCK;
    }

    private static VitrineException Refused(string path, bool isWriter) => VitrineException.User(
        ErrorCode.DiskInUse,
        isWriter ? $"The disk '{path}' can't be opened for writing: it is in use." : $"The disk '{path}' can't be read: another program writes to it.",
        "Another machine, or a tool for images, has opened it.",
        isWriter ? "End that first, or open the disk for reading or with an overlay if nobody writes to it." : "End that first.")
        .With("path", path).With("writing", isWriter);
}
