using Vitrine.Errors;

namespace Vitrine.Cli.Terminal;

/// <summary>Standard output takes no more.</summary>
/// <param name="result">Why.</param>
internal sealed class OutputEndedException(WriteResult result) : IOException("Standard output takes no more.")
{
    /// <summary>Says it on standard error where the user doesn't know it already.</summary>
    /// <param name="lost">What was not written: "The guest's output", ...</param>
    /// <param name="result">Why it was not.</param>
    /// <returns>The exit status.</returns>
    public static int Report(string lost, WriteResult result)
    {
        if (result == WriteResult.Full)
        {
            return Messages.Fail(VitrineException.Host(
                CommandErrorCode.Output,
                $"{lost} can't be written to standard output.",
                "The disk is full, or the file has reached the size that `ulimit -f` allows.",
                "Make room, raise the limit, or let standard output go elsewhere."));
        }

        // A reader that is gone (`| head`) has had enough. That there never was one may be a mistake.
        if (StandardDescriptors.Output == StandardDescriptors.None)
        {
            Messages.Say($"{lost} was not written. Standard output was closed when vitrine was started. Leave it open, or let it go to /dev/null.");
        }

        return ExitStatus.Stopped;
    }

    /// <summary>The same for what a command has printed.</summary>
    public int Report() => Report("What the command shows", result);
}
