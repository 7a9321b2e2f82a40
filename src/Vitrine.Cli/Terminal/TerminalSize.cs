namespace Vitrine.Cli.Terminal;

/// <summary>How much a terminal shows.</summary>
/// <param name="Rows">Lines.</param>
/// <param name="Columns">Characters in each.</param>
internal readonly record struct TerminalSize(int Rows, int Columns)
{
    /// <summary>The size of the user's terminal; null where there is none, or it doesn't know.</summary>
    public static TerminalSize? OfUser => Libc.TryGetWindowSize(StandardDescriptors.Output, out TerminalSize size) ? size : null;
}
