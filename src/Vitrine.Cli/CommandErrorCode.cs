namespace Vitrine.Cli;

/// <summary>Codes of errors that only the command has; those of the library are in <see cref="Errors.ErrorCode"/>. Their sentences speak of options by themselves.</summary>
internal static class CommandErrorCode
{
    /// <summary>An option or an argument is missing, is unknown, has a value that can't be understood, or contradicts another.</summary>
    public const string Arguments = "command.arguments";

    /// <summary>A file that the command reads can't be read.</summary>
    public const string File = "command.file";

    /// <summary>What the command writes can't be written.</summary>
    public const string Output = "command.output";

    /// <summary>A limit of the process is reached.</summary>
    public const string HostLimit = "command.host-limit";

    /// <summary>The demo's guest can't be had.</summary>
    public const string Demo = "command.demo";

    /// <summary>A program that KVM is to be served to is not there, can't be started, or is of a kind that can't be served.</summary>
    public const string Program = "command.program";

    /// <summary>The parts that serve KVM are not beside the command.</summary>
    public const string ServingParts = "command.serving-parts";

    /// <summary>The host's own KVM is to be watched, and doesn't work.</summary>
    public const string RealKvm = "command.real-kvm";
}
