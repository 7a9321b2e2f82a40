using System.CommandLine;
using System.Text;
using Vitrine.Boot;
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
    private const string Dash = "-";

    private readonly Option<string> _format = new("--format")
    {
        Description = "Form of the story: text (100 columns), json (docs/story-schema.md) or html (one file, with a drawing).",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<string?> _output = new("--output", "-o") { Description = "File for the story; by default, and for -, standard output.", HelpName = "FILE" };

    /// <summary>The options' names.</summary>
    public IReadOnlyList<string> Names => [_format.Name, _output.Name];

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

        if (ReadPath(parsed) is { } path && Obstacle(path) is { } obstacle)
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"{_output.Name} '{path}' can't be written: {obstacle}.",
                "The path is probably mistyped, or relative to another folder.",
                "Give the path of a file in a folder that exists.");
        }
    }

    /// <summary>The form: "text", "json" or "html".</summary>
    public string Form(ParseResult parsed) => parsed.GetValue(_format)!;

    /// <summary>Makes the file, which another process writes.</summary>
    /// <returns>Its path from the root; "-" for standard output.</returns>
    /// <exception cref="VitrineException">It can't be written.</exception>
    public string Create(ParseResult parsed) => ReadPath(parsed) is { } path ? Serving.ObservationOptions.Create(_output.Name, path) : Dash;

    /// <summary>Sees to it that the story doesn't overwrite what the guest is loaded from.</summary>
    /// <exception cref="VitrineException">It would.</exception>
    public void Spare(ParseResult parsed, BootSource boot)
    {
        if (ReadPath(parsed) is { } path) BootFiles.Spare(boot, path);
    }

    /// <summary>Writes a story.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="story">The story.</param>
    /// <param name="view">How much of it.</param>
    /// <param name="patience">How long a pipe's reader is waited for; null for ever.</param>
    /// <exception cref="VitrineException">It can't be written.</exception>
    public void Write(ParseResult parsed, Story story, StoryView view, TimeSpan? patience) => Write(
        parsed,
        patience,
        (writer, colour) => StoryText.Write(story, writer, colour, view),
        stream => StoryJson.Write(story, stream, view),
        writer => StoryHtml.Write(story, writer, view));

    /// <summary>Writes the story of one address.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="story">The story.</param>
    /// <param name="patience">How long a pipe's reader is waited for; null for ever.</param>
    /// <exception cref="VitrineException">It can't be written.</exception>
    public void Write(ParseResult parsed, TranslationStory story, TimeSpan? patience) => Write(
        parsed,
        patience,
        (writer, colour) => StoryText.Write(story, writer, colour),
        stream => StoryJson.Write(story, stream),
        writer => StoryHtml.Write(story, writer));

    private void Write(ParseResult parsed, TimeSpan? patience, Action<TextWriter, bool> text, Action<Stream> json, Action<TextWriter> html)
    {
        if (ReadPath(parsed) is not { } path)
        {
            using StandardOutput standard = new();
            Write(parsed, standard, StandardOutput.IsTerminal && Messages.WantsColour, text, json, html);
            return;
        }

        try
        {
            using OutputFile file = Open(path, patience);
            Write(parsed, file, isColourful: false, text, json, html);
        }
        catch (IOException error) when (error.HResult != OutputFile.TooLarge)
        {
            throw VitrineException.Host(
                CommandErrorCode.Output,
                $"{_output.Name} '{path}' can't be written to its end: {error.Message.TrimEnd('.')}.",
                error.HResult == OutputFile.NoReader ? "It is a pipe, and its reader is gone." : "The disk is probably full, or the file is none that takes text.",
                error.HResult == OutputFile.NoReader ? "Let the reader stay until the story ends, or give another path." : "Make room, or give another path.",
                error);
        }
    }

    private void Write(ParseResult parsed, Stream stream, bool isColourful, Action<TextWriter, bool> text, Action<Stream> json, Action<TextWriter> html)
    {
        if (parsed.GetValue(_format) == "json")
        {
            json(stream);
            return;
        }

        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        if (parsed.GetValue(_format) == "html") html(writer);
        else text(writer, isColourful);
    }

    // Null for standard output.
    private string? ReadPath(ParseResult parsed) => parsed.GetValue(_output) is { } path and not Dash ? path : null;

    // The framework can't name a folder whose name is not UTF-8.
    private static bool IsFolder(string path) => Libc.TryGetType(path, out FileType type) && type == FileType.Folder;

    private static string? Obstacle(string path)
    {
        if (path.Length == 0) return "its path is empty";
        if (IsFolder(path)) return "it is a folder";

        // A deleted folder is still the current one, but has no path.
        if (Path.GetDirectoryName(path) is not { Length: > 0 } folder) return Directory.Exists(".") ? null : "the current folder does not exist any more";
        return IsFolder(folder) ? null : $"there is no folder '{folder}'";
    }

    private OutputFile Open(string path, TimeSpan? patience)
    {
        int reader = NamedPipe.WaitForReader(path, patience);
        try
        {
            return new OutputFile(HostPath.ToWrite(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"{_output.Name} '{path}' can't be written: {error.Message.TrimEnd('.')}.",
                "It is probably protected, or its name is none that this file system takes.",
                "Give another path.",
                error);
        }
        finally
        {
            if (reader != StandardDescriptors.None) Libc.Close(reader);
        }
    }
}
