using System.Text.RegularExpressions;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;
using Xunit;

namespace Vitrine.Tests.Explain;

public sealed partial class StoryTextTests
{
    private static IEnumerable<string> Forms(bool colour)
    {
        foreach (Story story in SampleStory.All) yield return Text(story, colour);
        yield return Text(SampleStory.WrongCr3 with { Instructions = [SampleStory.BeyondLimit] }, colour);
        yield return Text(SampleStory.FiveLevel, colour);
    }

    [Fact]
    public void NoLineIsLongerThanThePage()
    {
        Assert.All(Forms(colour: false).SelectMany(text => text.Split('\n')), line => Assert.True(line.Length <= 100, $"{line.Length} columns: {line}"));
    }

    [Fact]
    public void NoLineEndsInSpaces() =>
        Assert.All(Forms(colour: false).SelectMany(text => text.Split('\n')), line => Assert.Equal(line.TrimEnd(), line));

    [Fact]
    public void ColourComesOnlyWhenAskedForAndChangesNoText()
    {
        Assert.All(Forms(colour: false), text => Assert.DoesNotContain('\u001b', text));
        Assert.All(Forms(colour: true), text => Assert.Contains("\u001b[1m", text, StringComparison.Ordinal));
        Assert.Equal(Forms(colour: false), Forms(colour: true).Select(text => Colour().Replace(text, "")));
    }

    /// <summary>What the guest or a file's name says can't steer the terminal.</summary>
    [Fact]
    public void ControlCharactersOfOthersAreReplaced()
    {
        Story story = SampleStory.SeaBios;
        string text = Text(story with { End = story.End with { Text = "a\u001b[2Jb\nc\u009bd" } }, colour: false);
        Assert.Contains("a\uFFFD[2Jb\uFFFDc\uFFFDd", text, StringComparison.Ordinal);
    }

    /// <summary>Cells that are longer than their column go on below in it, and what is beside them stays in its own.</summary>
    [Fact]
    public void ColumnsStayAligned()
    {
        using StringWriter output = new();
        new StoryWriter(output, colour: false).Row(Evidence.Observed, [6, 8], ["abc def", "0123456789", "x y"]);
        Assert.Equal("● abc    01234567 x y\n  def    89\n", output.ToString());
    }

    [Fact]
    public void IndentedTextGoesOnIndented() =>
        Assert.Equal(["  one two", "    three"], StoryWriter.Wrap("  one two three", 12));

    [Fact]
    public void TheStepsAreNumbered()
    {
        string[] headings = [.. Text(SampleStory.SeaBios, colour: false).Split('\n').Where(line => line.EndsWith('─')).Select(line => line.TrimEnd('─', ' '))];
        Assert.Equal(
            [
                "How this machine comes to its first instruction",
                "1. Creation: the calls to the accelerator",
                "2. vCPU state: what is set, and who owns it",
                "3. VM entry: what the processor is given, and checks",
                "4. Fetch of instruction 1",
                "5. Execution of instruction 1",
                "6. Fetch of instruction 2",
                "7. Execution of instruction 2",
                "8. Fetch of instruction 3",
                "9. Execution of instruction 3",
                "The end of the story",
            ],
            headings);
    }

    private static string Text(Story story, bool colour)
    {
        using StringWriter text = new();
        StoryText.Write(story, text, colour);
        return text.ToString();
    }

    private static string Text(TranslationStory story, bool colour)
    {
        using StringWriter text = new();
        StoryText.Write(story, text, colour);
        return text.ToString();
    }

    [GeneratedRegex("\u001b\\[[0-9]+m")]
    private static partial Regex Colour();
}
