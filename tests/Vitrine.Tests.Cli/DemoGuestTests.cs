using System.Text;
using Vitrine.Boot;
using Vitrine.Cli.Demo;
using Vitrine.Cli.Terminal;
using Vitrine.Guests;
using Xunit;

namespace Vitrine.Tests.Cli;

public sealed class DemoGuestTests
{
    private static string Asset => Path.Combine(RepositoryRoot.Path, "src/Vitrine.Cli/Demo/built-in-guest.bin");

    /// <summary>With VITRINE_WRITE_GOLDEN=1 the file is written anew; the next build takes it up.</summary>
    [Fact]
    public void TheBuiltInGuestIsWhatIsAssembled()
    {
        GuestProgram guest = DemoGuest.Create();
        if (Environment.GetEnvironmentVariable("VITRINE_WRITE_GOLDEN") == "1") File.WriteAllBytes(Asset, guest.Code.ToArray());
        Assert.Equal(guest.Code.ToArray(), File.ReadAllBytes(Asset));
        Assert.Equal(guest.Code.ToArray(), BuiltInGuest.Code.ToArray());
        BootSource.FlatBytes source = Assert.IsType<BootSource.FlatBytes>(BuiltInGuest.ToBootSource());
        Assert.Equal((GuestProgram.Address, GuestProgram.Address.Value, guest.Mode), (source.Address, source.Entry, source.Mode));
    }

    /// <summary>stty(1) of busybox sets what a serial line doesn't carry.</summary>
    [Theory]
    [InlineData(40, 132, "stty rows 40 cols 132\n")]
    [InlineData(0, 0, null)]
    public void TheShellKnowsTheTerminalsSizeWhereItIsKnown(int rows, int columns, string? command)
    {
        string image = Encoding.Latin1.GetString(LinuxGuest.BuildInitramfs([1, 2, 3], rows == 0 ? null : new TerminalSize(rows, columns)));
        if (command is null) Assert.DoesNotContain("stty", image, StringComparison.Ordinal);
        else Assert.Contains(command, image, StringComparison.Ordinal);
    }
}
