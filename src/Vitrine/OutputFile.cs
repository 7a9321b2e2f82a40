namespace Vitrine;

/// <summary>
/// A file that is written from its start. What fails is an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>, also at the limit
/// of files' sizes (RLIMIT_FSIZE, `ulimit -f`), for which the framework throws an <see cref="ArgumentOutOfRangeException"/>. Unbuffered, and
/// opened for writing only: a named pipe that is also open for reading has a reader of its own, and what nobody else has read ends with it.
/// </summary>
public sealed class OutputFile : FileStream
{
    /// <summary>errno of a write beyond the limit of files' sizes (asm-generic/errno-base.h), the <see cref="Exception.HResult"/> of its exception.</summary>
    public const int TooLarge = 27;

    /// <summary>errno of a write to a pipe that has no reader any more (asm-generic/errno-base.h), the <see cref="Exception.HResult"/> of its exception.</summary>
    public const int NoReader = 32;

    /// <summary>Creates a file, or empties one that is there.</summary>
    /// <exception cref="IOException">It can't be created.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not create it.</exception>
    public OutputFile(string path)
        : this(path, FileMode.Create)
    {
    }

    private OutputFile(string path, FileMode mode)
        : base(path, mode, FileAccess.Write, FileShare.Read, bufferSize: 0)
    {
    }

    /// <summary>
    /// Puts a file in place as a whole: a reader sees the old one or the new one, never a part, and a failure leaves nothing behind. It is
    /// written under a name that nobody can know before, and that must not exist, so that no link leads it elsewhere.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes its content.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static void Replace(string path, Action<Stream> write)
    {
        string temporary = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            using (OutputFile file = new(temporary, FileMode.CreateNew)) write(file);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>The writes of spans and of single bytes come here too: so the framework has it for classes that are derived from its own.</remarks>
    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            base.Write(buffer, offset, count);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new IOException("The file has reached the size that `ulimit -f` allows", error) { HResult = TooLarge };
        }
    }
}
