using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Vitrine.Cli;

/// <summary>--help with the table of exit statuses at its end, where a command has one.</summary>
/// <param name="help">What writes the rest.</param>
internal sealed class ExitStatusHelp(HelpAction help) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string> s_tables = new()
    {
        ["vitrine"] = ExitStatus.Help,
        ["run"] = ExitStatus.Help,
        ["demo"] = ExitStatus.Help,
        ["check-entry"] = ExitStatus.CheckEntryHelp,
    };

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int status = help.Invoke(parseResult);
        if (s_tables.TryGetValue(parseResult.CommandResult.Command.Name, out string? table)) parseResult.InvocationConfiguration.Output.WriteLine(table);
        return status;
    }
}
