using System.Text.RegularExpressions;
using Vitrine.Errors;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;
using Xunit;

namespace Vitrine.Tests.Explain;

public sealed partial class StoryTextTests
{
    private static IEnumerable<string> Forms(bool colour)
    {
        foreach (Story story in SampleStory.All)
        {
            yield return Text(story, colour);
            yield return Text(story, colour, StoryView.Brief);
        }

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
                "Where the first instruction is fetched from",
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

    /// <summary>Checks are told where they fail and counted by their verdict where they don't: none is counted as what it isn't.</summary>
    [Fact]
    public void ChecksThatDoNotFailAreCounted()
    {
        string[] outcomes = ["passed", "not checked", "failed", "not applicable", "not checked", "passed", "not checked", "passed"];
        EntryCheckFact[] checks = [.. outcomes.Select((outcome, index) => new EntryCheckFact($"rule-{index}", "26.3", outcome, "It holds.", outcome == "failed" ? "0x5" : ""))];
        EntryCheckFact[] others = [.. checks.Select(check => check with { Outcome = check.Outcome == "failed" ? "passed" : check.Outcome })];
        string text = Text(
            SampleStory.Linux with { Entry = new EntryStory([new("Intel VMX, one", "", [], [], checks), new("Intel VMX, two", "", [], [], others)], "") },
            colour: false,
            StoryView.Of("entry"));
        Assert.Contains("○ [1] entry checks  8: 1 failed, 3 passed, 1 not applicable, 3 not checked\n", text, StringComparison.Ordinal);
        Assert.Contains("○ [2] entry checks  8: 4 passed, 1 not applicable, 3 not checked\n", text, StringComparison.Ordinal);
        Assert.Contains("rule-2 (26.3): It holds. Found: 0x5. [1] failed, [2] passed.", text, StringComparison.Ordinal);
        Assert.All(checks.Where(check => check.Outcome != "failed"), check => Assert.DoesNotContain(check.Rule, text, StringComparison.Ordinal));
    }

    /// <summary>A screen has 45 lines of 100 columns at least.</summary>
    [Fact]
    public void AStoryInBriefIsOnOneScreen()
    {
        InstructionStory one = SampleStory.Linux.Instructions[0];
        Story many = SampleStory.Linux with { Instructions = [.. Enumerable.Range(1, 1000).Select(number => one with { Number = (ulong)number })] };
        foreach (Story story in (Story[])[.. SampleStory.All, many])
        {
            string text = Text(story, colour: false, StoryView.Brief);
            Assert.InRange(text.Split('\n').Length, 10, 45);
            Assert.Contains(story.Instructions is [] ? story.End.Text : story.Instructions[^1].Fetch.Bytes is "" ? "stops here" : story.Instructions[^1].Fetch.Instruction, text, StringComparison.Ordinal);
        }

        Assert.Contains("is refused", Text(SampleStory.Refused, colour: false, StoryView.Brief), StringComparison.Ordinal);
        Assert.Contains("guest-cr3-width", Text(SampleStory.Refused, colour: false, StoryView.Brief), StringComparison.Ordinal);
    }

    /// <summary>Each section is what the whole story has of it, and all of them together are the whole.</summary>
    [Fact]
    public void SectionsAreThoseOfTheWholeStory()
    {
        string whole = Text(SampleStory.SeaBios, colour: false);
        foreach (string name in StoryView.SectionNames.Except(["fetch", "execution"]))
        {
            Assert.Contains(Text(SampleStory.SeaBios, colour: false, StoryView.Of(name)), whole, StringComparison.Ordinal);
        }

        Assert.Equal(whole, Text(SampleStory.SeaBios, colour: false, StoryView.Of(string.Join(',', StoryView.SectionNames))));
        string[] headings = [.. Text(SampleStory.SeaBios, colour: false, StoryView.Of("execution, end")).Split('\n').Where(line => line.EndsWith('─')).Select(line => line.TrimEnd('─', ' '))];
        Assert.Equal(["5. Execution of instruction 1", "7. Execution of instruction 2", "9. Execution of instruction 3", "The end of the story"], headings);
    }

    [Theory]
    [InlineData("entri", "Did you mean 'entry'?")]
    [InlineData("state,", "The name of a section is empty.")]
    [InlineData("everything", "The sections are machine, creation, state, entry, drawing, fetch, execution and end.")]
    public void AWrongSectionIsAnError(string names, string says)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => StoryView.Of(names));
        Assert.Equal(ErrorCode.StorySection, error.Code);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("brief")]
    [InlineData("machine,entry,end")]
    [InlineData("machine,creation,state,entry,drawing,fetch,execution,end")]
    public void AViewComesBackFromItsText(string text) => Assert.Equal(text, StoryView.Parse(text).ToString());

    [Fact]
    public void AddressesHaveTheirNames()
    {
        string text = Text(SampleStory.Linux, colour: false);
        Assert.Contains("○ symbol           startup_64\n", text, StringComparison.Ordinal);
        Assert.Contains("○ operand          0xffffffff832b4000, idt_table\n", text, StringComparison.Ordinal);
        Assert.Contains("○ CR2              0x9000, early_top_pgt+0x10\n", text, StringComparison.Ordinal);
        Assert.Contains("The kernel was moved by", text, StringComparison.Ordinal);
        Assert.Contains("startup_64: cld", Text(SampleStory.Linux, colour: false, StoryView.Brief), StringComparison.Ordinal);
    }

    private static string Text(Story story, bool colour, StoryView? view = null)
    {
        using StringWriter text = new();
        StoryText.Write(story, text, colour, view);
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
