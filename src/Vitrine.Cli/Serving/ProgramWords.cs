using System.CommandLine;
using System.CommandLine.Parsing;
using Vitrine.Errors;

namespace Vitrine.Cli.Serving;

/// <summary>The program that stands after --, with its arguments.</summary>
internal static class ProgramWords
{
    /// <summary>Reads them. A mistyped option is not taken for the program.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="argument">Where the words are.</param>
    /// <returns>The words; none where none were given.</returns>
    /// <exception cref="VitrineException">A word stands before --.</exception>
    public static string[] Read(ParseResult parsed, Argument<string[]> argument)
    {
        string[] words = parsed.GetValue(argument) ?? [];
        if (words.Length == 0) return words;
        int behind = parsed.Tokens.SkipWhile(static token => token.Type != TokenType.DoubleDash).Skip(1).Count();
        if (words.Length == behind) return words;
        string command = parsed.CommandResult.Command.Name;
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"'{words[0]}' is no option of {command}.",
            "A program that uses /dev/kvm stands after --, and options of ours before it.",
            $"See `vitrine {command} --help`.");
    }
}
