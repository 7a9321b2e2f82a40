using Vitrine.Errors;

namespace Vitrine.Cli.Terminal;

/// <summary>A named pipe that is to be written to: opening it would wait for its reader, however long that takes.</summary>
internal static class NamedPipe
{
    private static readonly TimeSpan LookForReader = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until a pipe has a reader; returns at once for every other path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="patience">How long to wait; null to leave that to who opens it.</param>
    /// <returns>
    /// A descriptor to close when the pipe has been opened, or <see cref="StandardDescriptors.None"/>: a reader whose only writer closes would find the
    /// end.
    /// </returns>
    /// <exception cref="VitrineException">Nobody reads it in that time.</exception>
    public static int WaitForReader(string path, TimeSpan? patience)
    {
        if (patience is not { } longest || !Libc.TryGetType(path, out FileType type) || type != FileType.Pipe) return StandardDescriptors.None;
        long end = Environment.TickCount64 + (long)longest.TotalMilliseconds;
        while (true)
        {
            int descriptor = Libc.OpenPipeToWrite(HostPath.Encode(path), out bool isUnread);
            if (!isUnread) return descriptor;
            if (Environment.TickCount64 >= end)
            {
                throw VitrineException.Host(
                    CommandErrorCode.Output,
                    $"Nobody reads the pipe '{path}'.",
                    $"It had no reader within {Numbers.Show(longest)} s, which is as long as there was time.",
                    "Start its reader first, or give a longer --timeout.");
            }

            Thread.Sleep(LookForReader);
        }
    }
}
