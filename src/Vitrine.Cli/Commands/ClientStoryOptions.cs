using System.CommandLine;
using System.CommandLine.Parsing;
using Vitrine.Cli.Serving;
using Vitrine.Errors;
using Vitrine.Explain.Model;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine explain -- COMMAND: the story of a program that uses /dev/kvm, in place of one of our own machines.</summary>
internal sealed class ClientStoryOptions
{
    private const string Instructions = "--instructions";
    private const string Cpu = "--cpu";
    private const string Symbols = "--symbols";
    private static readonly string[] s_ofEngine = [Cpu, MachineOptions.EngineName, MachineOptions.MmuName];

    private readonly Option<bool> _real = new(ServedStart.RealName)
    {
        Description = "With -- COMMAND: the program gets the host's own KVM, which must work, and is watched.",
    };

    private readonly Argument<string[]> _command = new("command")
    {
        HelpName = "-- COMMAND ARGS",
        Description = "A program that uses /dev/kvm, such as qemu-system-x86_64 -accel kvm ...: its machine is told instead. The program goes on afterwards.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_real);
        command.Arguments.Add(_command);
    }

    /// <summary>The program and its arguments; null where none was given.</summary>
    /// <exception cref="VitrineException">Words were given that are no program, or options that are about one.</exception>
    public string[]? Read(ParseResult parsed)
    {
        string[] words = ProgramWords.Read(parsed, _command);
        if (words.Length != 0) return words;
        if (!parsed.GetValue(_real)) return null;
        throw VitrineException.User(
            CommandErrorCode.Arguments, $"{_real.Name} was given without a program.", "It is about a program that uses /dev/kvm.", "Give one after --, or leave it out.");
    }

    /// <summary>Becomes the program, whose story goes where it is asked for.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="words">The program and its arguments.</param>
    /// <param name="output">Where the story goes.</param>
    /// <param name="view">How much of it.</param>
    /// <exception cref="VitrineException">An option is about machines of our own, or the program can't be served or watched.</exception>
    public int Start(ParseResult parsed, string[] words, StoryOutput output, StoryView view)
    {
        HashSet<string> allowed = [_real.Name, Instructions, Symbols, .. output.Names, .. StoryViewOptions.Names, .. s_ofEngine];
        foreach (OptionResult option in parsed.CommandResult.Children.OfType<OptionResult>())
        {
            if (option.Implicit || allowed.Contains(option.Option.Name)) continue;
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"{option.Option.Name} and a program were both given.",
                "The machine is the program's own, which has options of its own for it.",
                $"Leave {option.Option.Name} out, or the program.");
        }

        bool real = parsed.GetValue(_real);
        if (real) ServedChoices.RefuseWithReal(parsed, s_ofEngine);
        List<(string Name, string Value)> choices = real ? [] : ServedChoices.Read(
            ServedChoices.IsGiven(parsed, Cpu) ? parsed.GetValue<string>(Cpu) : null,
            parsed.GetValue<string?>(MachineOptions.EngineName),
            parsed.GetValue<string?>(MachineOptions.MmuName));
        choices.Add((ServedVariables.Story, output.Create(parsed)));
        choices.Add((ServedVariables.StoryForm, output.Form(parsed)));
        if (view != StoryView.Whole) choices.Add((ServedVariables.StoryView, view.ToString()));
        if (parsed.GetValue<string?>(Symbols) is { } file) choices.Add((ServedVariables.Symbols, Path.GetFullPath(file)));
        if (parsed.GetValue<string?>(Instructions) is { } text) choices.Add((ServedVariables.Instructions, ObservationOptions.ReadInstructions(text, Instructions)));
        return real ? ServedStart.Watch(words, choices) : ServedStart.Serve(words, choices, force: true);
    }
}
