using Vitrine.Disks;
using Xunit;

namespace Vitrine.Tests.Disks.Overlay;

/// <summary>Images in front of which everything written is thrown away.</summary>
public sealed class OverlayImageTests : IDisposable
{
    private const int Size = 2 * 1024 * 1024 + 700;

    private readonly TempFolder _folder = new();
    private readonly byte[] _below;
    private readonly string _path;

    public OverlayImageTests()
    {
        _below = Patterns.Random(new Random(7), Size);
        _path = _folder.File("base.raw");
        File.WriteAllBytes(_path, _below);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomRequestsLeaveWhatAnArrayHoldsAndTheImageAsItWas(int seed)
    {
        using (DiskImage disk = Open())
        {
            DiskModel model = new(disk, [.. _below], new Random(seed));
            for (int n = 0; n < 500; n++) model.Step(40_000, 4096);
            model.Resize(Size + 300_000);
            for (int n = 0; n < 500; n++) model.Step(40_000, 4096);
            model.Check();
        }

        Assert.Equal(_below, File.ReadAllBytes(_path));
        using DiskImage again = Open();
        Assert.Equal(_below, Patterns.ReadAll(again));
    }

    [Fact]
    public void NeighboursThatFillOneBlockAtOnceAllArrive()
    {
        const int Threads = 4;
        using DiskImage disk = Open();

        // Each thread writes every fourth of the pieces, which are smaller than what is copied from below.
        const int Piece = 512;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            byte[] bytes = new byte[Piece];
            Array.Fill(bytes, (byte)(number + 1));
            for (int offset = number * Piece; offset + Piece <= Size; offset += Threads * Piece) disk.Write(offset, (ReadOnlySpan<byte>)bytes);
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        byte[] all = Patterns.ReadAll(disk);
        for (int offset = 0; offset + Piece <= Size; offset++) Assert.Equal((offset / Piece % Threads) + 1, all[offset]);
    }

    [Fact]
    public void ExtentsTellWhichImageHoldsThem()
    {
        using DiskImage disk = Open();
        disk.Write(65536, (ReadOnlySpan<byte>)new byte[4096]);
        disk.WriteZeroes(65536 + 4096, 4096, release: true);
        disk.Resize(Size + (1 << 20));
        Assert.Equal((65536, DiskExtentKind.Data, 1), Short(disk.ExtentAt(0, Size)));
        Assert.Equal((4096, DiskExtentKind.Data, 0), Short(disk.ExtentAt(65536, Size - 65536)));
        Assert.Equal((4096, DiskExtentKind.Zero, 0), Short(disk.ExtentAt(65536 + 4096, Size - 65536 - 4096)));
        Assert.Equal((1 << 20, DiskExtentKind.Unallocated, 0), Short(disk.ExtentAt(Size, 1 << 20)));
    }

    public void Dispose() => _folder.Dispose();

    private static (long Length, DiskExtentKind Kind, int Depth) Short(DiskExtent extent) => (extent.Length, extent.Kind, extent.Depth);

    private DiskImage Open() => DiskFiles.Open(_path, new DiskOpenOptions { Format = DiskFormat.Raw, IsOverlay = true });
}
