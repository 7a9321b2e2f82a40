namespace Vitrine.Devices.Io;

/// <summary>Where a device sends bytes that somebody outside reads. Called with the device lock held.</summary>
public interface IByteSink
{
    /// <summary>True while the reader is far behind. What is written is taken all the same, but the writer had better wait.</summary>
    bool IsFull { get; }

    /// <summary>Called when <see cref="IsFull"/> has become false, with the device lock held.</summary>
    Action? RoomAgain { get; set; }

    /// <summary>Sends bytes. Nothing is ever lost.</summary>
    void Write(ReadOnlySpan<byte> bytes);
}
