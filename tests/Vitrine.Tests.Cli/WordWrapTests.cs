using Vitrine.Cli;
using Vitrine.Cli.Terminal;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>Lines for a terminal are broken between words, and times have no exponent.</summary>
public sealed class WordWrapTests
{
    [Theory]
    [InlineData("one two three four five six\n", 20, 0, "one two three four\nfive six\n")]
    [InlineData("kvm    does not work here\n", 20, 7, "kvm    does not work\n       here\n")]
    [InlineData("       one two three four five", 20, 7, "       one two three\n       four five")]
    [InlineData("a /path/longer/than/the/line b", 20, 0, "a\n/path/longer/than/the/line\nb")]
    [InlineData("/path/longer/than/the/line", 20, 0, "/path/longer/than/the/line")]
    [InlineData("exactly twenty chars", 20, 0, "exactly twenty chars")]
    [InlineData("one two three four five six", 10, 0, "one two three four five six")]
    [InlineData("\n\none\n", 20, 0, "\n\none\n")]
    public void LinesAreBrokenBetweenWords(string text, int columns, int indent, string expected) =>
        Assert.Equal(expected, WordWrap.Break(text, columns, indent));

    [Theory]
    [InlineData("0.0000001", "0.0000001")]
    [InlineData("1.50", "1.5")]
    [InlineData("60", "60")]
    public void ATimeShowsAsItWasGiven(string given, string expected) => Assert.Equal(expected, Numbers.Show(Numbers.Seconds(given, "--timeout")));
}
