using Vitrine.Cli.Demo;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>The Linux kernel of the demo. Tests that boot it are skipped where there is none, with the reason.</summary>
internal static class PresentLinux
{
    /// <summary>The kernel and its initial file system; else the running test is skipped.</summary>
    public static LinuxGuest Find()
    {
        try
        {
            return LinuxGuest.Get(LinuxGuest.DefaultFolder);
        }
        catch (VitrineException error)
        {
            Assert.Skip($"no Linux kernel here: {error.What}");
            throw;
        }
    }
}
