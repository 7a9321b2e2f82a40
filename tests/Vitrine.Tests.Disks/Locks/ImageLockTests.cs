using Vitrine.Disks;
using Vitrine.Errors;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Disks.Locks;

/// <summary>Who may use an image at the same time, among ourselves and with QEMU's tools.</summary>
public sealed class ImageLockTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _path;

    public ImageLockTests()
    {
        _path = _folder.File("disk.raw");
        File.WriteAllBytes(_path, new byte[1 << 20]);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public void OnlyReadersShare(bool firstReads, bool secondReads, bool shares)
    {
        using DiskImage first = Open(firstReads);
        if (shares) Open(secondReads).Dispose();
        else Assert.Equal(ErrorCode.DiskInUse, Assert.Throws<VitrineException>(() => Open(secondReads)).Code);

        DiskFiles.Open(_path, new DiskOpenOptions { Format = DiskFormat.Raw, IsReadOnly = true, IsLocked = false }).Dispose();
    }

    [Fact]
    public void ARefusedOpenerLeavesNothingBehind()
    {
        using (DiskImage first = Open(isReadOnly: true)) Assert.Throws<VitrineException>(() => Open(isReadOnly: false));
        Open(isReadOnly: false).Dispose();
    }

    // A qemu-io that reads a raw image bears any other user, also a second QEMU; one that writes collides with those who don't bear
    // writers.
    [Theory]
    [InlineData(false, "-c \"write 0 512\"", false)]
    [InlineData(false, "-r -c \"read 0 512\"", true)]
    [InlineData(true, "-c \"write 0 512\"", false)]
    [InlineData(true, "-r -c \"read 0 512\"", true)]
    public void QemuIsRefusedAndLetInAsByQemu(bool reads, string arguments, bool works)
    {
        Qemu.Require();
        using DiskImage disk = Open(reads);
        (int status, _, string errors) = HostProgram.Run("qemu-io", $"-f raw {arguments} {_path}", _folder.Path, default);
        Assert.Equal(works, status == 0);
        if (!works) Assert.Contains("lock", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false, false)]
    [InlineData("", true, false)]
    [InlineData("-r", false, true)]
    [InlineData("-r", true, true)]
    public void WeAreRefusedAndLetInByQemu(string options, bool reads, bool works)
    {
        Qemu.Require();
        using Qemu.Holder holder = new(options, "raw", _path);
        if (works) Open(reads).Dispose();
        else Assert.Equal(ErrorCode.DiskInUse, Assert.Throws<VitrineException>(() => Open(reads)).Code);
    }

    public void Dispose() => _folder.Dispose();

    private DiskImage Open(bool isReadOnly) => DiskFiles.Open(_path, new DiskOpenOptions { Format = DiskFormat.Raw, IsReadOnly = isReadOnly });
}
