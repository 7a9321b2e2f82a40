using System.Buffers.Binary;

namespace Vitrine.Network;

/// <summary>What is still to be done to a frame: the fields of virtio's <c>virtio_net_hdr</c> (virtio 1.2, 5.1.6). The default asks for nothing.</summary>
/// <remarks>
/// <code>
/// byte  0      1         2        4         6           8            10 (with mergeable buffers, and always in virtio 1)
///       flags  gso_type  hdr_len  gso_size  csum_start  csum_offset  num_buffers
/// </code>
/// All numbers are little endian.
/// </remarks>
public readonly record struct FrameHeader
{
    /// <summary>Bytes of the structure without its number of buffers.</summary>
    public const int Length = 10;

    /// <summary>The longest frame: an IPv6 packet of the largest payload length in an Ethernet frame.</summary>
    public const int MaximumFrameLength = 14 + 40 + 65_535;

    // VIRTIO_NET_HDR_F_NEEDS_CSUM
    private const byte NeedsChecksumFlag = 1;

    // VIRTIO_NET_HDR_F_DATA_VALID
    private const byte DataValidFlag = 2;

    // VIRTIO_NET_HDR_GSO_ECN goes with a type; it says that CWR belongs on the first segment only.
    private const byte EcnBit = 0x80;

    /// <summary>True when the checksum covers the pseudo header only so far: <see cref="ChecksumStart"/> and <see cref="ChecksumOffset"/> say what is to be added.</summary>
    public bool NeedsChecksum { get; init; }

    /// <summary>True when the sender has verified the checksum.</summary>
    public bool DataValid { get; init; }

    /// <summary>How the frame is to be cut.</summary>
    public GsoType GsoType { get; init; }

    /// <summary>Bytes of all headers together; a hint.</summary>
    public ushort HeaderLength { get; init; }

    /// <summary>Bytes of payload in each segment, when it is to be cut.</summary>
    public ushort SegmentSize { get; init; }

    /// <summary>First byte of what the checksum covers, from the start of the frame.</summary>
    public ushort ChecksumStart { get; init; }

    /// <summary>Where the checksum is, from <see cref="ChecksumStart"/>.</summary>
    public ushort ChecksumOffset { get; init; }

    /// <summary>Reads one.</summary>
    /// <param name="source">At least <see cref="Length"/> bytes.</param>
    /// <param name="header">The header.</param>
    /// <returns>False when it asks for a way of cutting that there is not.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        byte flags = source[0];
        byte gso = (byte)(source[1] & ~EcnBit);
        header = new FrameHeader
        {
            NeedsChecksum = (flags & NeedsChecksumFlag) != 0,
            DataValid = (flags & DataValidFlag) != 0,
            GsoType = (GsoType)gso,
            HeaderLength = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            SegmentSize = BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            ChecksumStart = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            ChecksumOffset = BinaryPrimitives.ReadUInt16LittleEndian(source[8..]),
        };
        return (GsoType)gso is GsoType.None or GsoType.Tcp4 or GsoType.Tcp6;
    }

    /// <summary>Writes it.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)((NeedsChecksum ? NeedsChecksumFlag : 0) | (DataValid ? DataValidFlag : 0));
        destination[1] = (byte)GsoType;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], SegmentSize);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], ChecksumStart);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[8..], ChecksumOffset);
    }
}
