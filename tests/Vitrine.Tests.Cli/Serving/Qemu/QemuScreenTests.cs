using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>The screen of a VGA guest: QEMU asks KVM which pages of the frame buffer have been written (KVM_GET_DIRTY_LOG).</summary>
[Collection(QemuCollection.Name)]
public sealed class QemuScreenTests
{
    [Theory]
    [InlineData("-vga std")]
    [InlineData("-vga cirrus")]
    public void TheScreenIsWhatItIsWithTheTranslator(string card)
    {
        QemuMachine.SkipUnlessPresent();
        byte[] expected = Screen(QemuEngine.Translator, card);
        Assert.True(expected.Distinct().Count() > 1, "the screen is empty");
        Assert.Equal(expected, Screen(QemuEngine.Served, card));
    }

    // A boot sector that fills the screen in mode 13h, looks at what was drawn, and draws again over a part of it.
    private static byte[] Screen(QemuEngine engine, string card)
    {
        using TempFile disk = new(DrawingSector.Disk());
        using TempFile picture = new([]);
        using QemuMachine qemu = new(engine, [.. card.Split(' '), "-M", "pc", "-m", "64", "-drive", $"file={disk.Path},format=raw,if=ide"]);
        qemu.ReadUntil("1");
        qemu.Monitor($"screendump {picture.Path}");
        byte[] first = File.ReadAllBytes(picture.Path);
        qemu.Send("x");
        qemu.ReadUntil("2");
        qemu.Monitor($"screendump {picture.Path}");
        byte[] second = File.ReadAllBytes(picture.Path);
        qemu.Monitor("quit");
        Assert.NotEqual(first, second);
        return [.. first, .. second];
    }
}
