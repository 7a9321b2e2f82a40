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
    public void The_nearest_name_is_found(string given, string? nearest) => Assert.Equal(nearest, Suggestion.Nearest(given, s_names));

    [Fact]
    public void The_question_precedes_a_remedy()
    {
        Assert.Equal("Did you mean 'run'? ", Suggestion.For("rum", s_names));
        Assert.Equal("", Suggestion.For("fly", s_names));
    }
}
