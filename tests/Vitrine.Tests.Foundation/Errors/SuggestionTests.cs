using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Errors;

public sealed class SuggestionTests
{
    private static readonly string[] s_names = ["run", "demo", "explain", "translate", "check", "check-entry", "interpreter", "translator"];

    [Theory]
    [InlineData("rum", "run")]
    [InlineData("rnu", "run")]
    [InlineData("Demo", "demo")]
    [InlineData("explian", "explain")]
    [InlineData("exlpain", "explain")]
    [InlineData("chek", "check")]
    [InlineData("chekc-entry", "check-entry")]
    [InlineData("inter", "interpreter")]
    [InlineData("interperter", "interpreter")]
    [InlineData("trans", null)]
    [InlineData("fly", null)]
    [InlineData("", null)]
    [InlineData("x", null)]
    public void TheNearestNameIsFound(string given, string? nearest) => Assert.Equal(nearest, Suggestion.Nearest(given, s_names));

    [Theory]
    [InlineData("x86-64-v4")]
    [InlineData("x86-64-v1")]
    public void OfSeveralThatAreAsNearNoneIsAndWhatWasGivenIsNoAnswer(string given) =>
        Assert.Null(Suggestion.Nearest(given, ["x86-64-v1", "x86-64-v2", "x86-64-v3", "host"]));

    [Fact]
    public void TheQuestionPrecedesARemedy()
    {
        Assert.Equal("Did you mean 'run'? ", Suggestion.For("rum", s_names));
        Assert.Equal("", Suggestion.For("fly", s_names));
    }
}
