namespace Vitrine.Devices.Virtio.Block;

/// <summary>Numbers of the virtio block device (Virtual I/O Device 1.2, 5.2).</summary>
internal static class VirtioBlockRegisters
{
    public const uint DeviceType = 2;

    /// <summary>Bytes of a sector: the unit of all offsets and lengths, whatever the disk's blocks are.</summary>
    public const int SectorLength = 512;

    // Features (5.2.3).
    public const ulong SegmentMaximum = 1UL << 2;
    public const ulong ReadOnly = 1UL << 5;
    public const ulong BlockSize = 1UL << 6;
    public const ulong Flush = 1UL << 9;
    public const ulong Topology = 1UL << 10;
    public const ulong ConfigurableCache = 1UL << 11;
    public const ulong MultipleQueues = 1UL << 12;
    public const ulong Discard = 1UL << 13;
    public const ulong WriteZeroes = 1UL << 14;

    // Configuration (5.2.4), by offset.
    public const int ConfigurationLength = 60;
    public const int Capacity = 0;
    public const int SegmentMaximumField = 12;
    public const int BlockSizeField = 20;
    public const int PhysicalBlockExponent = 24;
    public const int MinimumIo = 26;
    public const int OptimalIo = 28;
    public const int WriteBack = 32;
    public const int QueueCount = 34;
    public const int DiscardSectorsMaximum = 36;
    public const int DiscardSegmentsMaximum = 40;
    public const int DiscardAlignment = 44;
    public const int WriteZeroesSectorsMaximum = 48;
    public const int WriteZeroesSegmentsMaximum = 52;
    public const int WriteZeroesMayUnmap = 56;

    // Requests (5.2.6): type, reserved, sector; the last byte of all is the status.
    public const int HeaderLength = 16;
    public const uint In = 0;
    public const uint Out = 1;
    public const uint FlushRequest = 4;
    public const uint GetId = 8;
    public const uint DiscardRequest = 11;
    public const uint WriteZeroesRequest = 13;
    public const int IdLength = 20;

    // A segment of discard and write zeroes: sector, number of sectors, flags.
    public const int SegmentLength = 16;
    public const uint UnmapFlag = 1;

    public const byte StatusOk = 0;
    public const byte StatusIoError = 1;
    public const byte StatusUnsupported = 2;
}
