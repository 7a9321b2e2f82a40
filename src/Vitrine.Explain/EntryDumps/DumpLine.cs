namespace Vitrine.Explain.EntryDumps;

/// <summary>One line of a log, without what <see cref="LogPrefix"/> takes off.</summary>
/// <param name="Number">The line's number in the file, from 1.</param>
/// <param name="Text">What was printed.</param>
internal readonly record struct DumpLine(int Number, string Text)
{
    // The kernel cuts its lines at about 1000 characters; a longer one is no line of a log.
    private const int Longest = 1024;

    /// <summary>Takes the prefixes off; a line too long to be one of a log becomes empty.</summary>
    public static DumpLine Parse(int number, string line) => new(number, line.Length > Longest ? "" : LogPrefix.Strip(line));
}
