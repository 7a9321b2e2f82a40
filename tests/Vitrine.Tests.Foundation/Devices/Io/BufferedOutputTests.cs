using Vitrine.Devices.Io;
using Xunit;

namespace Vitrine.Tests.Devices.Io;

/// <summary>Output arrives whole and in order, and a reader that lags is told of before much is kept.</summary>
public sealed class BufferedOutputTests : IDisposable
{
    private readonly IoFixture _io = new();
    private readonly List<byte[]> _read = [];
    private readonly IoQueue _queue;
    private readonly BufferedOutput _output;
    private readonly IByteSink _port;
    private int _stalled;
    private int _room;

    public BufferedOutputTests()
    {
        _queue = _io.Completions.CreateQueue("output", depth: 1, workers: 0);
        _output = new BufferedOutput(_queue) { Stalled = () => _stalled++ };
        _port = _output.AddPort(bytes => _read.Add(bytes.ToArray()));
        _port.RoomAgain = () => _room++;
    }

    public void Dispose() => _io.Dispose();

    [Fact]
    public void WhatComesWhileTheReaderIsBusyFollowsInOnePiece()
    {
        Write("a"u8);
        Write("b"u8);
        Write("c"u8);
        while (_queue.PerformNext())
        {
        }

        Assert.Equal(["a"u8.ToArray(), "bc"u8.ToArray()], _read);
    }

    [Fact]
    public void ItIsFullAtItsCapacityAndHasRoomWhenTheReaderComesBack()
    {
        Write("x"u8);
        byte[] half = new byte[BufferedOutput.Capacity / 2];
        Write(half);
        Assert.False(_output.IsFull);
        Write(half);
        Assert.Equal((true, false, 0), (_output.IsFull, _output.IsStalled, _room));

        // A writer that doesn't wait loses nothing, and is stopped in the end.
        Write(new byte[BufferedOutput.Reserve - 1]);
        Assert.Equal(0, _stalled);
        Write("y"u8);
        Assert.Equal((true, 1), (_output.IsStalled, _stalled));
        _queue.PerformNext();
        Assert.Equal((false, false, 1), (_output.IsFull, _output.IsStalled, _room));
        _queue.PerformNext();
        Assert.Equal([1, BufferedOutput.Capacity + BufferedOutput.Reserve], _read.Select(static piece => piece.Length));
        Assert.Equal((byte)'y', _read[1][^1]);
        Assert.Equal(1, _room);
    }

    [Fact]
    public void WithoutAReaderItIsNeverFull()
    {
        IByteSink nowhere = _output.AddPort(reader: null);
        lock (_io.DeviceLock) nowhere.Write(new byte[2 * BufferedOutput.Capacity]);
        Assert.Equal((false, 0), (nowhere.IsFull, _queue.InFlight));
    }

    [Fact]
    public void PortsKeepTheirOrder()
    {
        IByteSink other = _output.AddPort(bytes => _read.Add([(byte)'+', .. bytes]));
        Write("a"u8);
        lock (_io.DeviceLock)
        {
            other.Write("b"u8);
            _port.Write("c"u8);
            _port.Write("d"u8);
            other.Write("e"u8);
        }

        while (_queue.PerformNext())
        {
        }

        Assert.Equal(["a"u8.ToArray(), "+b"u8.ToArray(), "cd"u8.ToArray(), "+e"u8.ToArray()], _read);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_io.DeviceLock) _port.Write(bytes);
    }
}
