using Vitrine.Devices.Io;

namespace Vitrine.Tests.Devices;

/// <summary>An output that keeps what it gets, and is full when told so.</summary>
internal sealed class SinkRecorder : IByteSink
{
    public List<byte> Bytes { get; } = [];

    public bool IsFull { get; set; }

    public Action? RoomAgain { get; set; }

    public void Write(ReadOnlySpan<byte> bytes) => Bytes.AddRange(bytes);
}
