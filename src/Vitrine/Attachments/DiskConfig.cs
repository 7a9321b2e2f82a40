using Vitrine.Devices.Virtio;
using Vitrine.Devices.Virtio.Block;
using Vitrine.Disks;
using Vitrine.Errors;

namespace Vitrine.Attachments;

/// <summary>A disk.</summary>
/// <param name="Image">What it holds. It stays its owner's, who disposes it after the machine.</param>
public sealed record DiskConfig(DiskImage Image) : DeviceConfig
{
    /// <summary>The most bytes of a serial number (Virtual I/O Device 1.2, 5.2.6).</summary>
    public const int SerialMaximum = 20;

    // More do not help: a worker waits for the host, and processors for locks.
    private const int QueuesMaximum = 4;
    private const int Workers = 4;

    /// <summary>Its serial number, at most <see cref="SerialMaximum"/> printable ASCII characters. Empty for none.</summary>
    public string Serial { get; init; } = "";

    internal override string Kind => "disk";

    internal override void Check()
    {
        if (Serial.Length <= SerialMaximum && Serial.All(static letter => letter is >= ' ' and <= '~')) return;
        throw VitrineException.User(
            ErrorCode.ConfigDiskSerial,
            $"A disk can't have the serial number '{Serial}'.",
            $"A guest is told at most {SerialMaximum} printable ASCII characters.",
            "Give a shorter one, or none.").With("serial", Serial);
    }

    internal override VirtioDevice Create(string name, DeviceContext board)
    {
        int queues = Math.Min(board.Cpus, QueuesMaximum);
        Action<string>? notice = board.Notice;
        bool told = false;
        return new VirtioBlock(name, Image, Serial, queues, board.Queue(name, VirtioBlock.Depth + Workers + 1, Workers), error =>
        {
            // The guest hears of each; its user once, or a full file system would fill the terminal too.
            if (!told) notice?.Invoke($"{name}: {error.Message} The guest has an I/O error of it, and of each that follows.");
            told = true;
        });
    }
}
