using Vitrine.Cli.Demo;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Documentation;

/// <summary>The demo's kernel and initramfs under the names that the documentation uses.</summary>
internal static class DemoFiles
{
    /// <summary>What the demo's shell shows when it listens.</summary>
    public const string Prompt = "vitrine:/# ";

    /// <summary>Puts them into a folder; skips the test where they can't be had.</summary>
    public static void LinkInto(string folder)
    {
        try
        {
            LinuxGuest guest = LinuxGuest.Get(LinuxGuest.DefaultFolder);
            File.CreateSymbolicLink(Path.Combine(folder, "vmlinuz"), guest.Kernel);
            File.Copy(guest.Initrd, Path.Combine(folder, "initrd.img"));
            File.CreateSymbolicLink(Path.Combine(folder, "initramfs.cpio"), "initrd.img");
        }
        catch (VitrineException error)
        {
            Assert.Skip($"no Linux kernel here: {error.What}");
        }
    }
}
