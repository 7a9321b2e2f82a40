using Vitrine.Devices.Buses;
using Xunit;

namespace Vitrine.Tests.Devices.Buses;

public sealed class PortBusTests
{
    [Fact]
    public void UnclaimedPortsReadAllOnes()
    {
        PortBus bus = new();
        byte[] data = [1, 2, 3, 4];
        bus.Access(0x1234, 4, isWrite: true, data);
        bus.Access(0x1234, 4, isWrite: false, data);
        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFF], data);
    }

    public static TheoryData<int, int, int, string> Splits => new()
    {
        // port, size, widest of the device at 0x100-0x107 -> accesses seen
        { 0x100, 1, 1, "0:1" },
        { 0x100, 2, 1, "0:1 1:1" },
        { 0x102, 4, 1, "2:1 3:1 4:1 5:1" },
        { 0x102, 4, 4, "2:2 4:2" },
        { 0x104, 4, 4, "4:4" },
        { 0x104, 4, 2, "4:2 6:2" },
        { 0x101, 2, 4, "1:1 2:1" },
        { 0x106, 4, 4, "6:2" },
        { 0x107, 4, 4, "7:1" },
        { 0x0FE, 4, 4, "0:2" },
    };

    [Theory]
    [MemberData(nameof(Splits))]
    public void WideAccessesAreSplit(int port, int size, int widest, string expected)
    {
        PortBus bus = new();
        RecordingPorts device = new(widest);
        bus.Attach(device, 0x100, 8);
        byte[] data = [0x11, 0x22, 0x33, 0x44];
        bus.Access((ushort)port, size, isWrite: true, data);
        Assert.Equal(expected, string.Join(' ', device.Accesses.Select(a => $"{a.Offset}:{a.Size}")));
        foreach ((int offset, int width, uint value) in device.Accesses)
        {
            for (int i = 0; i < width; i++)
                Assert.Equal(data[0x100 + offset + i - port], (byte)(value >> (8 * i)));
        }

        device.Accesses.Clear();
        data.AsSpan().Clear();
        bus.Access((ushort)port, size, isWrite: false, data);
        Assert.Equal(expected, string.Join(' ', device.Accesses.Select(a => $"{a.Offset}:{a.Size}")));
        for (int i = 0; i < size; i++)
        {
            int offset = port + i - 0x100;
            Assert.Equal(offset is >= 0 and < 8 ? 0xA0 + offset : 0xFF, data[i]);
        }
    }

    [Fact]
    public void AnAccessPastTheLastPortIsUnclaimed()
    {
        PortBus bus = new();
        bus.Attach(new RecordingPorts(4), 0xFFFC, 4);
        byte[] data = new byte[4];
        bus.Access(0xFFFE, 4, isWrite: false, data);
        Assert.Equal([0xA2, 0xA3, 0xFF, 0xFF], data);
    }

    [Fact]
    public void FirstOffsetTellsRangesApart()
    {
        PortBus bus = new();
        RecordingPorts device = new(1);
        bus.Attach(device, 0x60, 1);
        bus.Attach(device, 0x64, 1, firstOffset: 4);
        byte[] data = new byte[1];
        bus.Access(0x64, 1, isWrite: false, data);
        Assert.Equal(0xA4, data[0]);
    }

    [Theory]
    [InlineData(0xFC, 5)]
    [InlineData(0x107, 1)]
    [InlineData(0x0, 0x10000)]
    public void OverlapIsRefusedAndChangesNothing(int port, int count)
    {
        PortBus bus = new();
        bus.Attach(new RecordingPorts(1), 0x100, 8);
        Assert.Throws<ArgumentException>(() => bus.Attach(new RecordingPorts(1), port, count));
        byte[] data = new byte[1];
        bus.Access((ushort)Math.Max(port, 0x50), 1, isWrite: false, data);
        Assert.Equal(port == 0x107 ? 0xA7 : 0xFF, data[0]);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(0xFFFF, 2)]
    public void RangesOutsideThePortsAreRefused(int port, int count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PortBus().Attach(new RecordingPorts(1), port, count));

    [Fact]
    public void OwnersAreNamedWithoutAnAccess()
    {
        PortBus bus = new();
        RecordingPorts device = new(1);
        bus.Attach(device, 0x100, 8);
        Assert.Same(device, bus.OwnerOf(0x100));
        Assert.Same(device, bus.OwnerOf(0x107));
        Assert.Null(bus.OwnerOf(0xFF));
        Assert.Null(bus.OwnerOf(0x108));
        Assert.Empty(device.Accesses);
    }

    [Fact]
    public void RegionsCoverOneAnotherByPriorityAndMove()
    {
        PortBus bus = new();
        RecordingPorts under = new(1);
        RecordingPorts over = new(1);
        bus.Attach(under, 0x100, 8);
        BusRegion region = bus.Attach(over, 0x104, 2, priority: 1);
        Assert.Same(under, bus.OwnerOf(0x103));
        Assert.Same(over, bus.OwnerOf(0x105));
        byte[] data = new byte[4];
        bus.Access(0x103, 4, isWrite: false, data);
        Assert.Equal([0xA3, 0xA0, 0xA1, 0xA6], data);
        Assert.True(region.TryMove(0x100));
        bus.Access(0x100, 4, isWrite: false, data);
        Assert.Equal([0xA0, 0xA1, 0xA2, 0xA3], data);
        Assert.Equal(4, over.Accesses.Count);
        Assert.False(region.TryMove(0xFFFF));
        Assert.True(region.TryMove(0xFFFE));
        region.Remove();
        bus.Access(0xFFFE, 2, isWrite: false, data);
        Assert.Equal([0xFF, 0xFF], data[..2]);
        Assert.Null(bus.OwnerOf(0xFFFE));
    }

    private sealed class RecordingPorts(int widest) : IPortDevice
    {
        public List<(int Offset, int Size, uint Value)> Accesses { get; } = [];

        public int WidestPortAccess => widest;

        public uint ReadPort(int offset, int size)
        {
            Accesses.Add((offset, size, 0));
            return 0xA3A2A1A0u + 0x01010101u * (uint)offset;
        }

        public void WritePort(int offset, int size, uint value) => Accesses.Add((offset, size, value));
    }
}
