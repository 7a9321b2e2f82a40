using System.Text.RegularExpressions;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>What --help prints.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("run --help")]
    [InlineData("demo -h")]
    [InlineData("check-entry --help")]
    public void TheTableOfExitStatusesIsPrintedOnceAndLast(string command)
    {
        (int status, string output, string errors) = VitrineCommand.Run(command.Split(' '));
        Assert.Equal((0, ""), (status, errors));
        Assert.Single(Regex.Matches(output, "^ *Exit status:$", RegexOptions.Multiline));
        Assert.DoesNotMatch(@"Exit status:(.|\n)*\b(Options|Commands):", output);
        Assert.All(output[output.IndexOf("Exit status:", StringComparison.Ordinal)..].Split('\n'), line => Assert.True(line.Length < 80, line));
    }
}
