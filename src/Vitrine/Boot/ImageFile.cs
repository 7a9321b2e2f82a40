using Microsoft.Win32.SafeHandles;
using Vitrine.Errors;

namespace Vitrine.Boot;

/// <summary>
/// A file that a guest is loaded from, or bytes in its place. Read piecewise, so that a large image goes to guest memory
/// without a copy of it on the way.
/// </summary>
internal sealed class ImageFile : IDisposable
{
    private readonly SafeFileHandle? _handle;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly string _role;

    /// <summary>An image in memory.</summary>
    /// <param name="bytes">Its content.</param>
    /// <param name="role">What it is to the user: "kernel", "initrd", ...</param>
    /// <param name="name">What to call it in messages.</param>
    internal ImageFile(ReadOnlyMemory<byte> bytes, string role, string name)
    {
        _bytes = bytes;
        _role = role;
        Name = name;
        Length = bytes.Length;
    }

    private ImageFile(SafeFileHandle handle, long length, string role, string path)
    {
        _handle = handle;
        _role = role;
        Name = path;
        Length = length;
    }

    /// <summary>The path, for messages.</summary>
    internal string Name { get; }

    /// <summary>Size in bytes, never zero.</summary>
    internal long Length { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="role">What it is to the user: "kernel", "initrd", ...</param>
    /// <param name="source">One sentence that says where to get such a file.</param>
    /// <exception cref="VitrineException">It is missing, not readable, or empty.</exception>
    internal static ImageFile Open(string path, string role, string source)
    {
        if (path.Length == 0)
        {
            throw VitrineException.User(
                ErrorCode.ImagePathEmpty,
                $"The {role} '' can't be read: its path is empty.",
                "A variable of a script is probably not set.",
                "Give the path of a regular file.").With("role", role);
        }

        SafeFileHandle? handle = null;
        try
        {
            // Opening a named pipe would wait for its writer; its size, like that of every file without bytes of its own, is 0.
            if ((File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)) is FileInfo { Exists: true, Length: 0 }) throw Empty(path, role, source);
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            long length = RandomAccess.GetLength(handle);
            if (length == 0) throw Empty(path, role, source);
            return new ImageFile(handle, length, role, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw VitrineException.User(ErrorCode.ImageMissing, $"The {role} '{path}' does not exist.", "The path is probably mistyped, or the file was never installed.", source, e)
                .With("role", role).With("path", path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw VitrineException.User(
                ErrorCode.ImageUnreadable,
                $"The {role} '{path}' can't be read.",
                "It is a directory, or this user has no right to read it.",
                $"Check it with `ls -ld '{path}'`, and give a file that this user may read.",
                e).With("role", role).With("path", path);
        }
        catch (NotSupportedException e)
        {
            // It has no length.
            throw VitrineException.User(
                ErrorCode.ImageNotRegular,
                $"The {role} '{path}' can't be read: it is no regular file.",
                "A pipe or a terminal gives its bytes only once and in their order, and an image is read here and there.",
                "Write it to a file, and give the path of that.",
                e).With("role", role).With("path", path);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            throw VitrineException.User(
                ErrorCode.ImageUnreadable,
                $"The {role} '{path}' can't be read: {e.Message.TrimEnd('.')}.",
                "The path names no regular file, or the file system failed.",
                "Give the path of a regular file.",
                e).With("role", role).With("path", path);
        }
        catch (VitrineException)
        {
            handle?.Dispose();
            throw;
        }
    }

    private static VitrineException Empty(string path, string role, string source) => VitrineException.User(
        ErrorCode.ImageEmpty,
        $"The {role} '{path}' is empty (0 bytes).",
        "A copy or download of it was probably cut short, or it is no regular file.",
        source).With("role", role).With("path", path);

    /// <summary>Reads bytes at an offset.</summary>
    /// <exception cref="VitrineException">The range reaches beyond the end, or the host failed to read.</exception>
    internal void Read(ulong offset, Span<byte> destination)
    {
        if (!Contains(offset, (ulong)destination.Length))
        {
            throw Truncated($"its bytes {offset} to {offset + (ulong)destination.Length - 1} are needed");
        }

        if (_handle is null)
        {
            _bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
            return;
        }

        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int read = RandomAccess.Read(_handle, destination[done..], (long)offset + done);
                if (read == 0) throw Truncated("it shrank while it was read");
                done += read;
            }
        }
        catch (IOException e)
        {
            throw VitrineException.Host(
                ErrorCode.ImageReadFailed,
                $"Reading the {_role} '{Name}' failed: {e.Message.TrimEnd('.')}.",
                "The device or the file system that holds it reports an error.",
                "Copy the file elsewhere, and look into the host's log (`dmesg`).",
                e).With("role", _role).With("path", Name);
        }
    }

    /// <summary>Reads bytes at an offset into an array.</summary>
    internal byte[] Read(ulong offset, int length)
    {
        byte[] bytes = new byte[length];
        Read(offset, bytes);
        return bytes;
    }

    /// <summary>Reads the first bytes, fewer if the image is shorter.</summary>
    internal byte[] ReadStart(int length) => Read(0, (int)Math.Min(length, Length));

    /// <summary>True when the range lies within the image.</summary>
    internal bool Contains(ulong offset, ulong length) => offset <= (ulong)Length && length <= (ulong)Length - offset;

    /// <summary>The error for an image that ends too early.</summary>
    /// <param name="because">What is missing, after a comma.</param>
    internal VitrineException Truncated(string because) => VitrineException.User(
        ErrorCode.ImageTruncated,
        $"The {_role} '{Name}' is truncated: it has {Length} bytes, but {because}.",
        "A copy or download of it was probably cut short, or its headers are damaged.",
        "Get the file again and compare its checksum.").With("role", _role).With("path", Name);

    /// <summary>The error for an image whose content is not acceptable.</summary>
    internal VitrineException Invalid(string what, string why, string remedy) =>
        VitrineException.User(ErrorCode.ImageInvalid, $"The {_role} '{Name}' {what}.", why, remedy).With("role", _role).With("path", Name);

    /// <inheritdoc/>
    public void Dispose() => _handle?.Dispose();
}
