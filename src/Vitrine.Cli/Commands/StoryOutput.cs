using System.CommandLine;
using System.Text;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;
using Vitrine.Explain.Html;
using Vitrine.Explain.Json;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Cli.Commands;

/// <summary>Where a story goes, and in which form; the same options for every command that tells one.</summary>
internal sealed class StoryOutput
{
    private readonly Option<string> _format = new("--format")
    {
        Description = "Form of the story: text (100 columns), json (docs/story-schema.md) or html (one file, with a drawing).",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<string?> _output = new("--output", "-o") { Description = "File for the story; by default standard output.", HelpName = "FILE" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_format);
        command.Options.Add(_output);
    }

    /// <summary>Checks the options before a machine is made for nothing.</summary>
    /// <exception cref="VitrineException">The form is unknown, or the file's folder isn't there.</exception>
    public void Check(ParseResult parsed)
    {
        string format = parsed.GetValue(_format)!;
        if (format is not ("text" or "json" or "html"))
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"{_format.Name} '{format}' is not a form that a story has.",
                "The forms are text, json and html.",
                $"{Suggestion.For(format, "text", "json", "html")}Give one of them, or leave it out for text.");
        }

        if (parsed.GetValue(_output) is { } path && (path.Length == 0 || Directory.Exists(path) || !Directory.Exists(FolderOf(path))))
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"{_output.Name} '{path}' can't be written.",
                "It is a folder, or the folder it would be in does not exist.",
                "Give the path of a file in a folder that exists.");
        }
    }

    /// <summary>Writes a story.</summary>
    /// <exception cref="VitrineException">It can't be written.</exception>
    public void Write(ParseResult parsed, Story story) => Write(
        parsed,
        (writer, colour) => StoryText.Write(story, writer, colour),
        stream => StoryJson.Write(story, stream),
        writer => StoryHtml.Write(story, writer));

    /// <summary>Writes the story of one address.</summary>
    /// <exception cref="VitrineException">It can't be written.</exception>
    public void Write(ParseResult parsed, TranslationStory story) => Write(
        parsed,
        (writer, colour) => StoryText.Write(story, writer, colour),
        stream => StoryJson.Write(story, stream),
        writer => StoryHtml.Write(story, writer));

    private void Write(ParseResult parsed, Action<TextWriter, bool> text, Action<Stream> json, Action<TextWriter> html)
    {
        string? path = parsed.GetValue(_output);
        using Stream stream = path is null ? new StandardOutput() : Open(path);
        if (parsed.GetValue(_format) == "json")
        {
            json(stream);
            return;
        }

        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        if (parsed.GetValue(_format) == "html") html(writer);
        else text(writer, path is null && StandardOutput.IsTerminal && Messages.WantsColour);
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";

    private OutputFile Open(string path)
    {
        try
        {
            return new OutputFile(HostPath.ToWrite(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"{_output.Name} '{path}' can't be written: {error.Message.TrimEnd('.')}.",
                "The file is probably protected, or in use.",
                "Give another path.",
                error);
        }
    }
}
