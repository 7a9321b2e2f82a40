using System.Text;
using Vitrine.Cli.Terminal;
using Xunit;

namespace Vitrine.Tests.Cli;

public sealed class EscapeFilterTests
{
    // ^ stands for Ctrl-A.
    [Theory]
    [InlineData("ls\r", "ls\r", nameof(EscapeCommand.None))]
    [InlineData("^x", "", nameof(EscapeCommand.Leave))]
    [InlineData("^X", "", nameof(EscapeCommand.Leave))]
    [InlineData("ab^xcd", "ab", nameof(EscapeCommand.Leave))]
    [InlineData("^hrest", "rest", nameof(EscapeCommand.Help))]
    [InlineData("^ab", "^b", nameof(EscapeCommand.None))]
    [InlineData("^A", "^", nameof(EscapeCommand.None))]
    [InlineData("^qb", "b", nameof(EscapeCommand.None))]
    [InlineData("^^x", "x", nameof(EscapeCommand.None))]
    [InlineData("x^", "x", nameof(EscapeCommand.None))]
    public void EscapesAreFoundWhetherTypedAtOnceOrKeyByKey(string typed, string forGuest, string command)
    {
        byte[] keys = Encoding.ASCII.GetBytes(typed.Replace('^', '\u0001'));
        string expected = forGuest.Replace('^', '\u0001');
        byte[] buffer = new byte[keys.Length];
        EscapeCommand atOnce = new EscapeFilter().Split(keys, buffer, out int length);
        Assert.Equal(expected, Encoding.ASCII.GetString(buffer, 0, length));
        Assert.Equal(command, atOnce.ToString());

        EscapeFilter filter = new();
        StringBuilder single = new();
        EscapeCommand last = EscapeCommand.None;
        foreach (byte key in keys)
        {
            EscapeCommand found = filter.Split([key], buffer, out length);
            single.Append(Encoding.ASCII.GetString(buffer, 0, length));
            if (found != EscapeCommand.None) last = found;
            if (found == EscapeCommand.Leave) break;
        }

        Assert.Equal(expected, single.ToString());
        Assert.Equal(command, last.ToString());
    }
}
