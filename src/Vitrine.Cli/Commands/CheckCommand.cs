using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine check: what works on this host, and why not.</summary>
internal static class CheckCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Command command = new("check", "Shows which accelerators work here, why not, what --accel auto chooses, and what the host's CPU offers.");
        command.SetAction(_ => ExitStatus.Success);
        return command;
    }
}
