using System.Text;
using Vitrine.Explain.Html;
using Vitrine.Explain.Json;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain;

/// <summary>A story in a file whose name says in which form.</summary>
public static class StoryFile
{
    private const string Json = "json";
    private const string Html = "html";

    /// <summary>Writes a story: as JSON where the name ends in .json, as HTML where it ends in .html or .htm, else as text.</summary>
    /// <param name="story">The story.</param>
    /// <param name="path">The file; what was in it is replaced.</param>
    /// <param name="view">How much of it; null for the whole.</param>
    /// <param name="form">"text", "json" or "html", whatever the name is; null to go by the name.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(Story story, string path, StoryView? view = null, string? form = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        Write(story, file, view, form ?? FormOf(path));
    }

    /// <summary>Writes a story.</summary>
    /// <param name="story">The story.</param>
    /// <param name="stream">Where to.</param>
    /// <param name="view">How much of it; null for the whole.</param>
    /// <param name="form">"json" or "html"; anything else for text.</param>
    public static void Write(Story story, Stream stream, StoryView? view, string form)
    {
        if (form == Json)
        {
            StoryJson.Write(story, stream, view);
            return;
        }

        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        if (form == Html) StoryHtml.Write(story, writer, view);
        else StoryText.Write(story, writer, colour: false, view);
    }

    private static string FormOf(string path)
    {
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) return Json;
        return path.EndsWith(".html", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".htm", StringComparison.OrdinalIgnoreCase) ? Html : "text";
    }
}
