using Vitrine.Disks;
using Vitrine.Errors;
using Xunit;

namespace Vitrine.Tests.Disks.Raw;

/// <summary>Disks kept byte by byte.</summary>
public sealed class RawImageTests : IDisposable
{
    private const int Size = 3 * 1024 * 1024 + 512;

    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData(DiskCache.Writeback)]
    [InlineData(DiskCache.None)]
    public void RandomRequestsLeaveWhatAnArrayHolds(DiskCache cache)
    {
        string path = MakeSparse(Size);
        Random random = new(1);
        using (DiskImage disk = DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw, Cache = cache }))
        {
            DiskModel model = new(disk, new byte[Size], random);
            for (int n = 0; n < 300; n++) model.Step(200_000, 4096);
            model.Check();
            model.Resize(Size + 100_000);
            for (int n = 0; n < 100; n++) model.Step(200_000, 4096);
            disk.Flush();
            Assert.Equal(model.Content, File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void HolesAreTold()
    {
        string path = MakeSparse(Size);
        using DiskImage disk = DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw });
        disk.Write(1 << 20, (ReadOnlySpan<byte>)new byte[1 << 16]);
        DiskExtent hole = disk.ExtentAt(0, Size);
        DiskExtent data = disk.ExtentAt(hole.Length, Size - hole.Length);
        Assert.Equal((DiskExtentKind.Zero, 1L << 20), (hole.Kind, hole.Length));
        Assert.Equal((DiskExtentKind.Data, 1L << 16, 1L << 20), (data.Kind, data.Length, data.FileOffset));

        disk.Discard(1 << 20, 1 << 16);
        Assert.Equal(new DiskExtent(0, Size, DiskExtentKind.Zero, 0, 0), disk.ExtentAt(0, Size));
    }

    [Fact]
    public void WhatIsNoPartOfTheDiskIsRefused()
    {
        using DiskImage disk = DiskFiles.Open(MakeSparse(Size), new DiskOpenOptions { Format = DiskFormat.Raw });
        byte[] bytes = new byte[1024];
        foreach (long offset in (long[])[-1, Size - 1023, Size + 1, long.MaxValue])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => disk.Read(offset, bytes.AsSpan()));
            Assert.Throws<ArgumentOutOfRangeException>(() => disk.Write(offset, (ReadOnlySpan<byte>)bytes));
            Assert.Throws<ArgumentOutOfRangeException>(() => disk.Discard(offset, 1024));
            Assert.Throws<ArgumentOutOfRangeException>(() => disk.WriteZeroes(offset, 1024, release: true));
            Assert.Throws<ArgumentOutOfRangeException>(() => disk.ExtentAt(offset, 1024));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Discard(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Discard(1, long.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Resize(Size - 1));
        disk.Read(Size, Span<byte>.Empty);
    }

    [Fact]
    public void ADiskOpenForReadingTakesNoWrites()
    {
        using DiskImage disk = DiskFiles.Open(MakeSparse(Size), new DiskOpenOptions { Format = DiskFormat.Raw, IsReadOnly = true });
        Assert.True(disk.IsReadOnly);
        Action[] writes =
        [
            () => disk.Write(0, (ReadOnlySpan<byte>)new byte[512]), () => disk.Discard(0, 512), () => disk.WriteZeroes(0, 512, release: false), () => disk.Resize(2 * Size),
        ];
        Assert.All(writes, write => Assert.Equal(DiskFault.ReadOnly, Assert.Throws<DiskException>(write).Fault));
        disk.Flush();
    }

    [Fact]
    public void AFileThatWasMadeShorterIsAnErrorOfTheRequest()
    {
        string path = MakeSparse(Size);
        using DiskImage disk = DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw });
        using (FileStream file = File.OpenWrite(path)) file.SetLength(1 << 20);
        DiskException error = Assert.Throws<DiskException>(() => disk.Read(2 << 20, new byte[512].AsSpan()));
        Assert.Equal(DiskFault.HostError, error.Fault);
        Assert.Contains("shorter", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADeletedFileStaysUsableWhileItIsOpen()
    {
        string path = MakeSparse(Size);
        using DiskImage disk = DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw });
        File.Delete(path);
        DiskModel model = new(disk, new byte[Size], new Random(3));
        for (int n = 0; n < 50; n++) model.Step(50_000, 512);
        model.Check();
    }

    [Fact]
    public void AFullDeviceIsAnErrorOfTheRequest()
    {
        // Whatever is written to it fails with ENOSPC; it is neither a file nor a block device, so no disk.
        Assert.Equal(ErrorCode.DiskNotRegular, Assert.Throws<VitrineException>(() => DiskFiles.Open("/dev/full")).Code);
        using Vitrine.Disks.Host.HostFile full = new(
            File.OpenHandle("/dev/full", FileMode.Open, FileAccess.ReadWrite), direct: null, "/dev/full", isReadOnly: false, isDevice: false);
        Assert.Equal(DiskFault.NoSpace, Assert.Throws<DiskException>(() => full.Write(0, (ReadOnlySpan<byte>)new byte[10])).Fault);
    }

    [Fact]
    public void AGuestCantMakeAGuessedRawDiskAQcow2Image()
    {
        string path = MakeSparse(Size);
        byte[] header = [.. "QFI"u8, 0xFB, 0, 0, 0, 3];
        using (DiskImage disk = DiskFiles.Open(path))
        {
            Assert.Equal("raw", disk.Format);
            Assert.Equal(DiskFault.ReadOnly, Assert.Throws<DiskException>(() => disk.Write(0, (ReadOnlySpan<byte>)header)).Fault);
            disk.Write(0, header.AsSpan()[..3]);
            Assert.Equal(DiskFault.ReadOnly, Assert.Throws<DiskException>(() => disk.Write(3, header.AsSpan()[3..8])).Fault);
            disk.Write(8, (ReadOnlySpan<byte>)header);
        }

        using DiskImage told = DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw });
        told.Write(0, (ReadOnlySpan<byte>)header);
    }

    [Theory]
    [InlineData(0, "QFI\u00fb", "qcow2")]
    [InlineData(0, "KDMV", "VMDK")]
    [InlineData(0, "# Disk DescriptorFile", "VMDK")]
    [InlineData(0, "vhdxfile", "VHDX")]
    [InlineData(0, "conectix", "VHD")]
    [InlineData(0, "LUKS\u00ba\u00be", "LUKS")]
    [InlineData(64, "\u007f\u0010\u00da\u00be", "VDI")]
    public void OtherFormatsAreRefusedByName(int offset, string magic, string name)
    {
        string path = MakeSparse(Size);
        using (FileStream file = File.OpenWrite(path))
        {
            file.Position = offset;
            file.Write(System.Text.Encoding.Latin1.GetBytes(magic));
        }

        VitrineException error = Assert.Throws<VitrineException>(() => DiskFiles.Open(path));
        Assert.Equal((ErrorCode.DiskFormatOther, name), (error.Code, error.Values["format"]));
        DiskFiles.Open(path, new DiskOpenOptions { Format = DiskFormat.Raw }).Dispose();
    }

    [Fact]
    public void WhatIsNoImageIsRefused()
    {
        Assert.Equal(ErrorCode.DiskMissing, Assert.Throws<VitrineException>(() => DiskFiles.Open("")).Code);
        Assert.Equal(ErrorCode.DiskMissing, Assert.Throws<VitrineException>(() => DiskFiles.Open(_folder.File("none"))).Code);
        Assert.Equal(ErrorCode.DiskNotRegular, Assert.Throws<VitrineException>(() => DiskFiles.Open(_folder.Path)).Code);
        Assert.Equal(ErrorCode.DiskNotRegular, Assert.Throws<VitrineException>(() => DiskFiles.Open("/dev/null", new DiskOpenOptions { IsReadOnly = true })).Code);
    }

    public void Dispose() => _folder.Dispose();

    private string MakeSparse(long length)
    {
        string path = _folder.File($"{Guid.NewGuid():n}.raw");
        using FileStream file = File.Create(path);
        file.SetLength(length);
        return path;
    }
}
