using System.CommandLine;
using Vitrine.Boot;
using Vitrine.Cli.Demo;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine demo: boots Linux to a shell, or the built-in guest where no kernel can be had.</summary>
internal static class DemoCommand
{
    private const string DefaultCommandLine = "console=ttyS0";

    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string> append = new("--append")
        {
            Description = "Linux' command line.",
            HelpName = "TEXT",
            DefaultValueFactory = _ => DefaultCommandLine,
        };
        Option<bool> builtIn = new("--built-in") { Description = "Run the small built-in guest; downloads nothing." };
        MachineOptions machine = new();
        Command command = new(
            "demo",
            "Boots an unmodified Debian kernel to a shell. The kernel and busybox come through apt-get download into " +
            $"{LinuxGuest.DefaultFolder ?? "the user's cache folder"}; nothing is installed. Without apt or network a small built-in guest runs instead.")
        {
            append, builtIn,
        };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            // Before anything is downloaded for a machine that can't be.
            machine.Read(parsed, BuiltIn()).Check();
            BootSource boot = parsed.GetValue(builtIn) ? BuiltIn() : Choose(parsed.GetValue(append)!);
            try
            {
                return ConsoleSession.Run(
                    machine.Read(parsed, boot),
                    new OutputTarget.Stdio(),
                    new OutputTarget.Nowhere(),
                    machine.ReadTimeout(parsed),
                    showTimes: false,
                    boot is BootSource.Kernel kernel ? $"Booting {kernel.Path}. Ctrl-A X leaves, Ctrl-A H helps." : null);
            }
            catch (VitrineException error) when (boot is BootSource.Kernel cached && error.Values.GetValueOrDefault("path") is string path && path == cached.Path)
            {
                throw Damaged(path, error);
            }
        });
        return command;
    }

    private static BootSource Choose(string commandLine)
    {
        try
        {
            LinuxGuest guest = LinuxGuest.Get(LinuxGuest.DefaultFolder, TerminalSize.OfUser);
            return new BootSource.Kernel(guest.Kernel) { Initrd = guest.Initrd, CommandLine = commandLine };
        }
        catch (VitrineException error) when (error.Kind == ErrorKind.Host)
        {
            Messages.Say($"{error.What} {error.Why} Running the built-in guest instead.");
            return BuiltIn();
        }
    }

    // The user never chose this file, and can't mend it.
    private static VitrineException Damaged(string kernel, VitrineException error) => VitrineException.User(
        CommandErrorCode.Demo,
        error.What,
        "The demo keeps it there, and it was damaged since it was downloaded.",
        $"Delete it with `rm '{kernel}'`: the next demo downloads it again.",
        error);

    private static BootSource BuiltIn() => BuiltInGuest.ToBootSource();
}
