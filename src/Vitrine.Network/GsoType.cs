namespace Vitrine.Network;

/// <summary>How a frame that is longer than the MTU is to be cut (virtio 1.2, 5.1.6, gso_type).</summary>
public enum GsoType : byte
{
    /// <summary>Not at all (VIRTIO_NET_HDR_GSO_NONE).</summary>
    None = 0,

    /// <summary>As TCP over IPv4 (VIRTIO_NET_HDR_GSO_TCPV4).</summary>
    Tcp4 = 1,

    /// <summary>As TCP over IPv6 (VIRTIO_NET_HDR_GSO_TCPV6).</summary>
    Tcp6 = 4,
}
