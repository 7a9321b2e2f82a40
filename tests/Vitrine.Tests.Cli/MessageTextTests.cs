using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>Control characters in what a user gives (ECMA-48: ESC [ 2 J clears a screen) are shown, not sent to the terminal.</summary>
public sealed class MessageTextTests
{
    [Theory]
    [InlineData("check-entry x\e[2J")]
    [InlineData("run --kernel x\e[2J")]
    [InlineData("run --flat x\e[2J@0")]
    [InlineData("run --flat /etc/passwd@0 --cpu x\e[2J")]
    [InlineData("run --flat /etc/passwd@0 --serial x\e[2J")]
    [InlineData("explain --flat /dev/null@0 -o /nowhere/x\e[2J")]
    [InlineData("x\e[2J")]
    public void ControlCharactersAreShown(string command)
    {
        (int status, _, string errors) = VitrineCommand.Run(command.Split(' '));
        Assert.Contains(@"x\x1b[2J", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", errors, StringComparison.Ordinal);
        Assert.Equal(64, status);
    }
}
