using Vitrine.Errors;

namespace Vitrine.Cli.Terminal;

/// <summary>Where a guest's output goes: stdio, file:PATH or null.</summary>
internal abstract record OutputTarget
{
    private const string FilePrefix = "file:";

    private OutputTarget()
    {
    }

    /// <summary>Standard output; for the serial port also standard input.</summary>
    public sealed record Stdio : OutputTarget;

    /// <summary>A file, written anew.</summary>
    /// <param name="Path">The file.</param>
    public sealed record ToFile(string Path) : OutputTarget;

    /// <summary>Nowhere.</summary>
    public sealed record Nowhere : OutputTarget;

    /// <summary>Reads a target as it is written on the command line.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static OutputTarget Parse(string text, string option) => text switch
    {
        "stdio" => new Stdio(),
        "null" => new Nowhere(),
        _ when text.StartsWith(FilePrefix, StringComparison.Ordinal) && text.Length > FilePrefix.Length => new ToFile(text[FilePrefix.Length..]),
        FilePrefix => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is not a place for output.",
            $"There is no path behind {FilePrefix}.",
            $"Give it like {option} {FilePrefix}guest.log."),
        _ => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is not a place for output.",
            "It is one of stdio, file:PATH and null.",
            $"{Suggestion.For(text, "stdio", "file:", "null")}Give it like {option} stdio or {option} file:guest.log."),
    };

    /// <summary>True when output to both goes to one place. A file must be there already.</summary>
    public bool IsSameAs(OutputTarget other) => this == other ||
        (this is ToFile mine && other is ToFile others &&
        Libc.TryIdentify(mine.Path, out FileIdentity file) && Libc.TryIdentify(others.Path, out FileIdentity same) && file == same);

    /// <summary>Opens the target.</summary>
    /// <param name="ended">Called when it takes no more.</param>
    /// <param name="patience">How long a pipe's reader is waited for; null for ever.</param>
    /// <returns>Null for <see cref="Nowhere"/>.</returns>
    /// <exception cref="VitrineException">The file can't be created, or nobody reads the pipe.</exception>
    public OutputPump? Open(Action<WriteResult> ended, TimeSpan? patience)
    {
        switch (this)
        {
            case Stdio:
                return new OutputPump(static bytes => Libc.WriteAll(StandardDescriptors.Output, bytes), ended);
            case ToFile file:
                OutputFile stream = Create(file.Path, patience);
                return new OutputPump(bytes => TryWrite(stream, bytes), ended);
            default:
                return null;
        }
    }

    private static OutputFile Create(string path, TimeSpan? patience)
    {
        int reader = NamedPipe.WaitForReader(path, patience);
        try
        {
            return new OutputFile(HostPath.ToWrite(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"The file '{path}' for the guest's output can't be created ({error.Message.TrimEnd('.')}).",
                "Its folder does not exist, or may not be written to.",
                "Choose another path after file:.",
                error);
        }
        finally
        {
            if (reader != StandardDescriptors.None) Libc.Close(reader);
        }
    }

    private static WriteResult TryWrite(OutputFile stream, ReadOnlySpan<byte> bytes)
    {
        try
        {
            stream.Write(bytes);
            return WriteResult.Done;
        }
        catch (IOException error)
        {
            return error.HResult == OutputFile.NoReader ? WriteResult.Closed : WriteResult.Full;
        }
    }
}
