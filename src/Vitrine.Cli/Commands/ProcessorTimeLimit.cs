using System.Runtime.InteropServices;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>The limit of processor time (RLIMIT_CPU, `ulimit -t`), at which the kernel ends a process without a word.</summary>
internal static class ProcessorTimeLimit
{
    // Not among those that the framework names.
    private const PosixSignal SIGXCPU = (PosixSignal)24;

    /// <summary>Carries out something shortly before it.</summary>
    public static PosixSignalRegistration OnReached(Action reached)
    {
        Libc.AnnounceTimeLimit();
        return PosixSignalRegistration.Create(SIGXCPU, context =>
        {
            context.Cancel = true;
            reached();
        });
    }

    /// <summary>Ends the process shortly before it, with an error that says why.</summary>
    public static PosixSignalRegistration EndProcess() => OnReached(static () => Environment.Exit(Messages.Fail(Error("The command"))));

    /// <summary>The error.</summary>
    /// <param name="what">What was stopped: "The guest", ...</param>
    public static VitrineException Error(string what) => VitrineException.Host(
        CommandErrorCode.HostLimit,
        $"{what} was stopped, because this process has used the processor time that it may use.",
        "The limit that `ulimit -t` shows is reached.",
        "Raise it, or leave it unlimited for guests.");
}
