using System.CommandLine;
using System.CommandLine.Help;
using Vitrine.Cli.Commands;
using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>The command line: which commands there are, and what happens when one is called wrongly.</summary>
internal static class CommandLine
{
    /// <summary>Carries out a command line.</summary>
    /// <returns>The exit status.</returns>
    public static int Run(string[] arguments)
    {
        try
        {
            Command root = Build();
            ParseResult parsed = root.Parse(arguments);
            if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction) throw Wrong(parsed);
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (VitrineException error)
        {
            return Messages.Fail(error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Messages.Fail(VitrineException.Host(
                $"Reading or writing failed: {error.Message.TrimEnd('.')}.",
                "Standard output is probably closed, or what it is written to is full.",
                "Run it again with standard output open, to a place that has room.",
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
        Command root = new("vitrine", $"Runs x86-64 virtual machines on KVM, or on its own software CPU.\n\n{ExitStatus.Help}")
        {
            RunCommand.Build(),
            DemoCommand.Build(),
            ExplainCommand.Build(),
            TranslateCommand.Build(),
            DisasmBlockCommand.Build(),
            CheckCommand.Build(),
            CheckEntryCommand.Build(),
            version,
        };
        root.Options.Add(new HelpOption { Recursive = true });
        root.SetAction(parsed =>
        {
            if (!parsed.GetValue(version))
            {
                throw VitrineException.User(
                    "No command was given.",
                    "Vitrine needs to know what to do: run, demo, explain, translate, disasm-block, check-entry or check.",
                    "Try 'vitrine demo' for a first look, or 'vitrine --help'.");
            }

            Console.WriteLine($"vitrine {typeof(VirtualMachine).Assembly.GetName().Version!.ToString(3)}");
            return ExitStatus.Success;
        });
        return root;
    }

    private static VitrineException Wrong(ParseResult parsed)
    {
        string command = parsed.CommandResult.Command.Name == "vitrine" ? "vitrine" : $"vitrine {parsed.CommandResult.Command.Name}";
        return VitrineException.User(
            parsed.Errors[0].Message,
            "An option or argument is probably mistyped, or its value is missing.",
            $"See '{command} --help' for what it takes.");
    }
}
