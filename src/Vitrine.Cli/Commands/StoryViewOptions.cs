using System.CommandLine;
using Vitrine.Errors;
using Vitrine.Explain.Model;

namespace Vitrine.Cli.Commands;

/// <summary>How much of a story is written; the same options for every command that tells one.</summary>
internal sealed class StoryViewOptions
{
    private const string BriefName = "--brief";
    private const string SectionName = "--section";

    private readonly Option<bool> _brief = new(BriefName) { Description = "The story on one screen: the way of the fetch, each instruction in a line, and what failed." };

    private readonly Option<string?> _sections = new(SectionName)
    {
        Description = $"Only these sections of the story, with commas between: {string.Join(", ", StoryView.SectionNames)}.",
        HelpName = "NAMES",
    };

    /// <summary>The options' names.</summary>
    public static IReadOnlyList<string> Names => [BriefName, SectionName];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_brief);
        command.Options.Add(_sections);
    }

    /// <summary>The name of an option that was given; null where none was.</summary>
    public string? Given(ParseResult parsed) => parsed.GetValue(_sections) is not null ? _sections.Name : parsed.GetValue(_brief) ? _brief.Name : null;

    /// <summary>Reads what was asked for.</summary>
    /// <exception cref="VitrineException">There is no such section, or both options were given.</exception>
    public StoryView Read(ParseResult parsed)
    {
        bool brief = parsed.GetValue(_brief);
        if (parsed.GetValue(_sections) is not { } names) return brief ? StoryView.Brief : StoryView.Whole;
        if (!brief) return StoryView.Of(names);
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{_brief.Name} and {_sections.Name} were both given.",
            "The story in brief has no sections.",
            "Give one of them, or none for the whole story.");
    }
}
