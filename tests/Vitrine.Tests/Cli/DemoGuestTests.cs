using System.Text;
using Vitrine.Cli.Demo;
using Vitrine.Cli.Terminal;
using Xunit;

namespace Vitrine.Tests.Cli;

public sealed class DemoGuestTests
{
    /// <summary>stty(1) of busybox sets what a serial line doesn't carry.</summary>
    [Theory]
    [InlineData(40, 132, "stty rows 40 cols 132\n")]
    [InlineData(0, 0, null)]
    public void The_shell_knows_the_terminals_size_where_it_is_known(int rows, int columns, string? command)
    {
        string image = Encoding.Latin1.GetString(LinuxGuest.BuildInitramfs([1, 2, 3], rows == 0 ? null : new TerminalSize(rows, columns)));
        if (command is null) Assert.DoesNotContain("stty", image, StringComparison.Ordinal);
        else Assert.Contains(command, image, StringComparison.Ordinal);
    }
}
