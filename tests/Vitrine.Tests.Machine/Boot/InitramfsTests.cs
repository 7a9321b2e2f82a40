using Vitrine.Boot;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Boot;

public sealed class InitramfsTests
{
    [Fact]
    public void OneEntryByteForByte()
    {
        // Linux, buffer-format.rst: 13 fields of eight hexadecimal digits; name and data padded to four bytes.
        string expected =
            "070701" + "00000001" + "000081ED" + "00000000" + "00000000" + "00000001" + "00000000" + "00000003" +
            "00000000" + "00000000" + "00000000" + "00000000" + "00000005" + "00000000" + "init\0\0" + "abc\0" +
            "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" +
            "00000000" + "00000000" + "00000000" + "00000000" + "0000000B" + "00000000" + "TRAILER!!!\0\0\0\0";
        byte[] image = new Initramfs().AddFile("/init", "abc"u8.ToArray(), Initramfs.Executable).ToArray();
        Assert.Equal(expected, System.Text.Encoding.ASCII.GetString(image));
    }

    [Fact]
    public void CpioListsWhatWasAdded()
    {
        Assert.SkipWhen(HostProgram.Find("cpio") is null, "cpio is not installed (Debian package cpio)");
        byte[] image = new Initramfs()
            .AddFile("/bin/busybox", new byte[1001], Initramfs.Executable)
            .AddSymbolicLink("/bin/sh", "busybox")
            .AddCharacterDevice("/dev/console", 5, 1)
            .AddDirectory("/proc")
            .AddDirectory("/usr/share/doc")
            .AddFile("/etc/motd", "hello\n"u8.ToArray())
            .ToArray();
        (int status, string output, string errors) = HostProgram.Run("cpio", "-itvn --quiet", Path.GetTempPath(), image);
        Assert.True(status == 0, errors);
        string[] expected =
        [
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
            "-rwxr-xr-x 1 0 0 1001 Jan 1 1970 bin/busybox",
            "lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin/sh -> busybox",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
            "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 proc",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 usr",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 usr/share",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 usr/share/doc",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc",
            "-rw-r--r-- 1 0 0 6 Jan 1 1970 etc/motd",
        ];
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected, lines.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("a//b")]
    [InlineData("../a")]
    [InlineData("a/./b")]
    [InlineData("a\0b")]
    public void AnImpossiblePathIsAUserError(string path) =>
        Assert.Equal(ErrorKind.User, Assert.Throws<VitrineException>(() => new Initramfs().AddFile(path, default)).Kind);

    [Fact]
    public void APathIsTakenOnce()
    {
        Initramfs image = new Initramfs().AddFile("/a/b", default).AddDirectory("/a");
        Assert.Throws<VitrineException>(() => image.AddFile("/a/b", default));
        Assert.Throws<VitrineException>(() => image.AddDirectory("/a/b"));
        Assert.Throws<VitrineException>(() => image.AddFile("/a/b/c", default));
        Assert.Throws<VitrineException>(() => image.AddFile("/a", default));
    }
}
