using Vitrine.Devices.Buses;
using Xunit;

namespace Vitrine.Tests.Devices.Buses;

public sealed class MmioBusTests
{
    [Theory]
    [InlineData(0x1000, 8, 4, "0:4 4:4")]
    [InlineData(0x1000, 8, 8, "0:8")]
    [InlineData(0x1004, 8, 8, "4:4 8:4")]
    [InlineData(0x1001, 4, 4, "1:1 2:2 4:1")]
    [InlineData(0x1001, 3, 4, "1:1 2:2")]
    [InlineData(0x100E, 4, 4, "14:2")]
    [InlineData(0x0FFF, 2, 4, "0:1")]
    public void AccessesAreSplitAligned(ulong address, int size, int widest, string expected)
    {
        MmioBus bus = new();
        RecordingMemory device = new(widest);
        bus.Attach(device, 0x1000, 0x10);
        byte[] data = new byte[8];
        bus.Access(address, size, isWrite: false, data);
        Assert.Equal(expected, string.Join(' ', device.Accesses));
        for (int i = 0; i < size; i++)
        {
            ulong offset = address + (ulong)i - 0x1000;
            Assert.Equal(offset < 0x10 ? (byte)(0xA0 + offset) : 0xFF, data[i]);
        }
        device.Accesses.Clear();
        bus.Access(address, size, isWrite: true, data);
        Assert.Equal(expected, string.Join(' ', device.Accesses));
    }

    [Fact]
    public void FindsAmongManyRangesInAnyOrder()
    {
        MmioBus bus = new();
        ulong[] bases = [0x5000, 0x1000, 0xFFFF_FFFF_FFFF_F000, 0x3000, 0x2000, 0x1_0000_0000];
        foreach (ulong first in bases) bus.Attach(new Fixed((byte)(first >> 12)), first, 0x1000);
        byte[] data = new byte[1];
        foreach (ulong first in bases.Reverse())
        {
            bus.Access(first, 1, isWrite: false, data);
            Assert.Equal((byte)(first >> 12), data[0]);
            bus.Access(first + 0xFFF, 1, isWrite: false, data);
            Assert.Equal((byte)(first >> 12), data[0]);
        }
        bus.Access(0x4000, 1, isWrite: false, data);
        Assert.Equal(0xFF, data[0]);
        Assert.Throws<ArgumentException>(() => bus.Attach(new Fixed(1), 0x4FFF, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => bus.Attach(new Fixed(1), ulong.MaxValue, 2));
    }

    [Fact]
    public void OwnersAreNamedWithoutAnAccess()
    {
        MmioBus bus = new();
        RecordingMemory device = new(8);
        bus.Attach(device, 0x1000, 0x10);
        bus.Attach(new Fixed(1), ulong.MaxValue, 1);
        Assert.Same(device, bus.OwnerOf(0x1000));
        Assert.Same(device, bus.OwnerOf(0x100F));
        Assert.Null(bus.OwnerOf(0xFFF));
        Assert.Null(bus.OwnerOf(0x1010));
        Assert.IsType<Fixed>(bus.OwnerOf(ulong.MaxValue));
        Assert.Empty(device.Accesses);
    }

    /// <summary>Each step's outcome, and then who answers 0x1000, 0x1008, 0x1010 and 0x1018: the number of the region, or FF.</summary>
    [Fact]
    public void RegionsCoverOneAnotherByPriorityAndMove()
    {
        MmioBus bus = new();
        BusRegion low = bus.Attach(new Fixed(1), 0x1000, 0x20);
        BusRegion high = bus.Attach(new Fixed(2), 0x1008, 8, priority: 1);
        Assert.Equal("01 02 01 01", Owners(bus));
        Assert.True(high.TryMove(0x1010));
        Assert.Equal("01 01 02 01", Owners(bus));
        Assert.True(high.TryMove(0x1000));
        Assert.Equal("02 01 01 01", Owners(bus));
        BusRegion highest = bus.Attach(new Fixed(3), 0x0FF0, 0x20, priority: 2);
        Assert.Equal("03 03 01 01", Owners(bus));
        high.Remove();
        high.Remove();
        Assert.False(high.IsAttached);
        highest.Remove();
        Assert.Equal("01 01 01 01", Owners(bus));
        Assert.True(high.TryAttach());
        Assert.True(low.TryMove(0x1010));
        Assert.Equal("02 FF 01 01", Owners(bus));
        Assert.Throws<ArgumentException>(() => bus.Attach(new Fixed(4), 0x1018, 1));
        Assert.Throws<ArgumentException>(() => bus.Attach(new Fixed(4), 0x1007, 1, priority: 1));
    }

    /// <summary>A guest puts its BARs anywhere: what doesn't fit is refused, and nothing has changed.</summary>
    [Theory]
    [InlineData(0x2000, false)]
    [InlineData(0x1FF1, false)]
    [InlineData(0x200F, false)]
    [InlineData(0x1FF0, true)]
    [InlineData(0x2010, true)]
    [InlineData(0x1004, true)]
    [InlineData(ulong.MaxValue - 0xE, false)]
    [InlineData(ulong.MaxValue - 0xF, true)]
    public void ARegionMovesWhereItHasRoom(ulong first, bool moves)
    {
        MmioBus bus = new();
        BusRegion region = bus.Attach(new Fixed(1), 0x1000, 0x10);
        bus.Attach(new Fixed(2), 0x2000, 0x10);
        Assert.Equal(moves, region.TryMove(first));
        Assert.Equal(moves ? first : 0x1000, region.First);
        Assert.IsType<Fixed>(bus.OwnerOf(region.First + 0xF));
        byte[] data = [0];
        bus.Access(region.First, 1, isWrite: false, data);
        Assert.Equal(1, data[0]);
    }

    /// <summary>An access that begins in a region which another one covers further on is cut there.</summary>
    [Fact]
    public void AnAccessIsCutWhereAnotherRegionCovers()
    {
        MmioBus bus = new();
        RecordingMemory under = new(8);
        RecordingMemory over = new(8);
        bus.Attach(under, 0x1000, 0x10);
        bus.Attach(over, 0x1004, 4, priority: 7);
        bus.Access(0x1000, 8, isWrite: true, new byte[8]);
        bus.Access(0x1008, 8, isWrite: true, new byte[8]);
        Assert.Equal(["0:4", "8:8"], under.Accesses);
        Assert.Equal(["0:4"], over.Accesses);
    }

    private static string Owners(MmioBus bus)
    {
        byte[] data = new byte[1];
        return string.Join(' ', ((ulong[])[0x1000, 0x1008, 0x1010, 0x1018]).Select(address =>
        {
            bus.Access(address, 1, isWrite: false, data);
            return $"{data[0]:X2}";
        }));
    }

    private sealed class Fixed(byte value) : IMmioDevice
    {
        public ulong ReadMemory(ulong offset, int size) => value;

        public void WriteMemory(ulong offset, int size, ulong written) { }
    }

    private sealed class RecordingMemory(int widest) : IMmioDevice
    {
        public List<string> Accesses { get; } = [];

        public int WidestMemoryAccess => widest;

        public ulong ReadMemory(ulong offset, int size)
        {
            Accesses.Add($"{offset}:{size}");
            return 0xA7A6A5A4A3A2A1A0 + 0x0101010101010101 * offset;
        }

        public void WriteMemory(ulong offset, int size, ulong value) => Accesses.Add($"{offset}:{size}");
    }
}
