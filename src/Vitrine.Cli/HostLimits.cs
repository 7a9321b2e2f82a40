using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>Recognises, in what the framework throws, that the host gives this process no more of something.</summary>
internal static class HostLimits
{
    // <asm-generic/errno-base.h>; the framework passes them on as HResult where it has no exception of its own for them.
    private const int Enfile = 23;
    private const int Emfile = 24;

    /// <summary>The error as a user can act on it; null when it is no limit of the host's.</summary>
    public static VitrineException? Explain(Exception error)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case IOException { HResult: Enfile or Emfile }:
                    return VitrineException.Host(
                        CommandErrorCode.HostLimit,
                        "The host lets this process open no more files.",
                        "The limit that `ulimit -n` shows is reached.",
                        "Raise it with `ulimit -n 256`.",
                        error);

                case IOException { HResult: OutputFile.TooLarge }:
                    return VitrineException.Host(
                        CommandErrorCode.HostLimit,
                        "A file can't be written to its end.",
                        "It has reached the size that `ulimit -f` allows.",
                        "Raise the limit, or write to another place.",
                        error);

                // What Thread.Start throws when the host refuses a thread; the framework's thread for signals is started by a type initializer.
                case OutOfMemoryException:
                case IOException when error is TypeInitializationException:
                    return VitrineException.Host(
                        CommandErrorCode.HostLimit,
                        "The host gives this process no more memory or no more threads.",
                        "A limit is probably reached: `ulimit -v` or `ulimit -d` for memory, `ulimit -u` for threads, or one of its control group's.",
                        "Raise it, or give a smaller --memory or fewer --cpus.",
                        error);
                case FileNotFoundException { FileName: { } name } when IsAssembly(name):
                    return VitrineException.Host(
                        CommandErrorCode.HostLimit,
                        $"A part of the program can't be loaded ({name.Split(',')[0]}).",
                        "Its file is missing, or a limit is reached: `ulimit -n` for open files, `ulimit -v` or `ulimit -d` for memory.",
                        "Raise the limit, or build the program again.",
                        error);
            }
        }

        return null;
    }

    // The framework names an assembly by its name and version instead of a path.
    private static bool IsAssembly(string name) => name.Contains(", Version=", StringComparison.Ordinal);
}
