using System.CommandLine;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine check-entry: which check of VM entry fails on a VMCS or VMCB.</summary>
internal static class CheckEntryCommand
{
    private const string Dash = "-";

    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Argument<string> file = new("file")
        {
            HelpName = "FILE",
            Description =
                "A log with a VMCS (kvm_intel.dump_invalid_vmcs=1, Xen) or VMCB (kvm_amd.dump_invalid_vmcb=1), QEMU's registers (EAX= to Code=), " +
                "struct kvm_sregs as gdb prints it, or Vitrine's JSON; - is standard input.",
        };
        Option<string?> format = new("--format") { HelpName = "FORMAT", Description = "text (default) or json." };
        Option<bool> all = new("--all") { Description = "List every check, not only those that fail." };
        Command command = new(
            "check-entry",
            "Names the check of VM entry that fails on a VMCS or VMCB, or on the one that KVM builds from QEMU's registers: manual section, offending " +
            "value, usual cause. Of QEMU's registers also says what the error's number means and which instruction the guest was at.")
        {
            file, format, all,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), parsed.GetValue(format), parsed.GetValue(all)));
        return command;
    }

    private static int Run(string path, string? format, bool all)
    {
        if (format is not (null or "text" or "json"))
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"--format '{format}' is not a form of output.",
                "The forms are text and json.",
                $"{Suggestion.For(format, "text", "json")}Give one of them.");
        }

        EntryDump dump = Read(path);
        EntryJudgement judgement = EntryJudgement.Of(dump);
        if (format == "json") EntryCheckOutput.WriteJson(dump, judgement, StandardOutput.Writer);
        else EntryCheckOutput.WriteText(dump, judgement, all, StandardOutput.Writer, "--all lists them");
        return judgement.Verdict switch
        {
            EntryVerdict.Enters => ExitStatus.Success,
            EntryVerdict.TooLittle => ExitStatus.UserError,
            _ => ExitStatus.FailEntry,
        };
    }

    private static EntryDump Read(string path)
    {
        if (path == Dash || (path.Length > 0 && StandardInput.IsClosed(path)))
        {
            using Stream input = StandardInput.Open();
            return EntryDumpReader.Read("standard input", input);
        }

        if (path.Length == 0) throw Unreadable(path, "its path is empty", "A variable of a script is probably not set.", null);
        if (Directory.Exists(path)) throw Unreadable(path, "it is a folder", "The path is probably cut short.", null);
        try
        {
            using FileStream file = new(HostPath.ToRead(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return EntryDumpReader.Read(Path.GetFileName(path), file);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw VitrineException.User(
                CommandErrorCode.File,
                $"The file '{path}' does not exist.",
                "The name is probably mistyped, or relative to another folder.",
                "Give the file with the kernel's log, or - for standard input.",
                error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, error.Message.TrimEnd('.'), "It is probably another user's, or no ordinary file.", error);
        }
    }

    private static VitrineException Unreadable(string path, string reason, string cause, Exception? error) => VitrineException.User(
        CommandErrorCode.File,
        $"The file '{path}' can't be read: {reason}.",
        cause,
        "Give a file that you may read, or - for standard input.",
        error);
}
