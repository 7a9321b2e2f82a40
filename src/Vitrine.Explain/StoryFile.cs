using System.Text;
using Vitrine.Explain.Html;
using Vitrine.Explain.Json;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain;

/// <summary>A story in a file whose name says in which form.</summary>
public static class StoryFile
{
    /// <summary>Writes a story: as JSON where the name ends in .json, as HTML where it ends in .html or .htm, else as text.</summary>
    /// <param name="story">The story.</param>
    /// <param name="path">The file; what was in it is replaced.</param>
    /// <param name="view">How much of it; null for the whole.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(Story story, string path, StoryView? view = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            StoryJson.Write(story, file, view);
            return;
        }

        using StreamWriter writer = new(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { NewLine = "\n" };
        bool html = path.EndsWith(".html", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".htm", StringComparison.OrdinalIgnoreCase);
        if (html) StoryHtml.Write(story, writer, view);
        else StoryText.Write(story, writer, colour: false, view);
    }
}
