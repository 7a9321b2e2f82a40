using System.CommandLine;
using System.CommandLine.Help;
using Vitrine.Cli.Commands;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>The command line: which commands there are, and what happens when one is called wrongly.</summary>
internal static class CommandLine
{
    private const string Name = "vitrine";

    // An argument that begins with @ is one like any other, no file with more of them.
    private static readonly ParserConfiguration s_parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>Carries out a command line.</summary>
    /// <returns>The exit status.</returns>
    public static int Run(string[] arguments)
    {
        try
        {
            Command root = Build();
            ParseResult parsed = root.Parse(HostPath.Restore(arguments), s_parsing);
            if (parsed.Errors.Count > 0 && parsed.Action is not ExitStatusHelp) throw Wrong(parsed);
            int status = parsed.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = StandardOutput.Writer,
                Error = TextWriter.Null,
            });
            StandardOutput.Writer.Flush();
            return status;
        }
        catch (VitrineException error)
        {
            return Messages.Fail(error);
        }
        catch (OutputEndedException error)
        {
            return error.Report();
        }
        catch (Exception error) when (HostLimits.Explain(error) is { } limit)
        {
            return Messages.Fail(limit);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Messages.Fail(VitrineException.Host(
                CommandErrorCode.File,
                $"Reading or writing a file failed: {error.Message.TrimEnd('.')}.",
                "The disk is probably full, or a limit or right of this user is in the way.",
                "Look at `df` and `ulimit -a`, and run it again.",
                error));
        }
        catch (Exception error)
        {
            return Messages.Fail(error);
        }
    }

    private static Command Build()
    {
        Option<bool> version = new("--version") { Description = "Show the version." };
        Command root = new(Name, "Runs x86-64 virtual machines on KVM, or on its own software CPU.")
        {
            RunCommand.Build(),
            DemoCommand.Build(),
            ExplainCommand.Build(),
            TranslateCommand.Build(),
            DisasmBlockCommand.Build(),
            KvmCommand.Build(),
            CheckCommand.Build(),
            CheckEntryCommand.Build(),
            version,
        };
        HelpOption help = new() { Recursive = true };
        help.Action = new ExitStatusHelp((HelpAction)help.Action!);
        root.Options.Add(help);
        root.SetAction(parsed =>
        {
            if (!parsed.GetValue(version))
            {
                throw VitrineException.User(
                    CommandErrorCode.Arguments,
                    "No command was given.",
                    "Vitrine needs to know what to do: run, demo, kvm, explain, translate, disasm-block, check-entry or check.",
                    "Try 'vitrine demo' for a first look, or 'vitrine --help'.");
            }

            StandardOutput.Writer.WriteLine($"vitrine {typeof(VirtualMachine).Assembly.GetName().Version!.ToString(3)}");
            return ExitStatus.Success;
        });
        return root;
    }

    private static VitrineException Wrong(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string suggestion = parsed.UnmatchedTokens is [var unknown, ..] ? Suggestion.For(unknown, Known(command, unknown)) : "";
        return VitrineException.User(
            CommandErrorCode.Arguments,
            parsed.Errors[0].Message,
            "An option or argument is probably mistyped, or its value is missing.",
            $"{suggestion}See '{(command.Name == Name ? Name : $"{Name} {command.Name}")} --help' for what it takes.");
    }

    private static IEnumerable<string> Known(Command command, string unknown) => unknown.StartsWith('-')
        ? command.Options.Select(static option => option.Name).Append("--help")
        : command.Subcommands.Select(static subcommand => subcommand.Name);
}
