namespace Vitrine.Network;

/// <summary>Work on frames that one side may leave to the other. The names are those of virtio's features (virtio 1.2, 5.1.3).</summary>
[Flags]
public enum NetworkOffloads
{
    /// <summary>Frames are complete.</summary>
    None = 0,

    /// <summary>The transport checksum may hold the sum of the pseudo header only (CSUM).</summary>
    Checksum = 1,

    /// <summary>A frame may hold a TCP segment over IPv4 that is longer than the MTU (TSO4). Goes with <see cref="Checksum"/>.</summary>
    Tso4 = 2,

    /// <summary>A frame may hold a TCP segment over IPv6 that is longer than the MTU (TSO6). Goes with <see cref="Checksum"/>.</summary>
    Tso6 = 4,

    /// <summary>All of them.</summary>
    All = Checksum | Tso4 | Tso6,
}
