using System.CommandLine;
using System.Globalization;
using Vitrine.Cli.Commands;
using Vitrine.Errors;
using Vitrine.Explain;
using Vitrine.Explain.Model;

namespace Vitrine.Cli.Serving;

/// <summary>The options that say what is written down of a served program.</summary>
internal sealed class ObservationOptions
{
    private const string Standard = "-";

    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "Write each call to KVM as a line: time, thread, descriptor, name, arguments, result, duration.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _statistics = new("--stats")
    {
        Description = "When the program ends, write what was called, why vCPUs were left, and what they did, with times: to FILE or to standard error.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _story = new("--explain")
    {
        Description = "Write how the first instruction of each vCPU came about: as text, or as JSON or HTML where the file's name ends in .json or .html; " +
            "for -, to standard output.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _instructions = new("--instructions")
    {
        Description = $"With --explain: tell this many instructions, 1 to {StoryRequest.MostTold}; by default 1.",
        HelpName = "N",
    };

    private readonly StoryViewOptions _views = new();
    private readonly SymbolOption _symbols = new();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_trace);
        command.Options.Add(_statistics);
        command.Options.Add(_story);
        command.Options.Add(_instructions);
        _views.AddTo(command);
        _symbols.AddTo(command);
    }

    /// <summary>What was chosen, as variables of the program. Files are made, so that one which can't be is an error before the program starts.</summary>
    public IEnumerable<(string Name, string Value)> Read(ParseResult parsed)
    {
        List<(string Name, string Value)> choices = [];
        if (parsed.GetValue(_trace) is { } trace) choices.Add((ServedVariables.Trace, Create(_trace.Name, trace)));
        if (parsed.GetResult(_statistics) is not null)
        {
            string? file = parsed.GetValue(_statistics);
            choices.Add((ServedVariables.Statistics, file is null or Standard ? Standard : Create(_statistics.Name, file)));
        }

        string? story = parsed.GetValue(_story);
        if (story is not null) choices.Add((ServedVariables.Story, story == Standard ? story : Create(_story.Name, story)));
        if (story is null) RefuseStoryOptions(parsed);
        StoryView view = _views.Read(parsed);
        if (view != StoryView.Whole) choices.Add((ServedVariables.StoryView, view.ToString()));
        if (_symbols.Read(parsed) is not null) choices.Add((ServedVariables.Symbols, Path.GetFullPath(_symbols.Given(parsed)!)));
        if (parsed.GetValue(_instructions) is not { } text) return choices;
        choices.Add((ServedVariables.Instructions, ReadInstructions(text, _instructions.Name)));
        return choices;
    }

    /// <summary>Checks how many instructions are to be told.</summary>
    /// <exception cref="VitrineException">It is no number that a story has.</exception>
    internal static string ReadInstructions(string text, string option)
    {
        int count = Numbers.Count(text, option);
        if (count is >= 1 and <= (int)StoryRequest.MostTold) return count.ToString(CultureInfo.InvariantCulture);
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{count} instructions were asked for.",
            $"A story tells at least 1 and at most {StoryRequest.MostTold}.",
            $"Give another number to {option}.");
    }

    private void RefuseStoryOptions(ParseResult parsed)
    {
        string? given = parsed.GetValue(_instructions) is not null ? _instructions.Name : _symbols.Given(parsed) is not null ? _symbols.Name : _views.Given(parsed);
        if (given is null) return;
        throw VitrineException.User(
            CommandErrorCode.Arguments, $"{given} was given without {_story.Name}.", "It says what a story tells.", $"Give {_story.Name} too, or neither.");
    }

    /// <summary>Makes a file, or empties it.</summary>
    /// <returns>Its path from the root: the program may change its folder.</returns>
    /// <exception cref="VitrineException">It can't be written.</exception>
    internal static string Create(string option, string path)
    {
        try
        {
            string full = Path.GetFullPath(path);
            using FileStream file = new(full, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
            return full;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"{option} '{path}' can't be written: {error.Message.TrimEnd('.')}.",
                "Its folder is not there, it is protected, or its name is none that this file system takes.",
                "Give another path.",
                error);
        }
    }
}
