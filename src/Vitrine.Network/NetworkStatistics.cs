namespace Vitrine.Network;

/// <summary>What has gone through a backend since it was made. A frame that segmentation offload has left uncut counts once.</summary>
public readonly record struct NetworkStatistics
{
    /// <summary>Frames that the guest sent.</summary>
    public long SentFrames { get; init; }

    /// <summary>Bytes of these.</summary>
    public long SentBytes { get; init; }

    /// <summary>Of these, how many were dropped because they made no sense: malformed, with a wrong checksum, or of an unknown protocol.</summary>
    public long DroppedInvalid { get; init; }

    /// <summary>Of these, how many were dropped or refused because a rule forbids them to leave.</summary>
    public long DroppedForbidden { get; init; }

    /// <summary>Of these, how many were dropped because a limit was reached: connections, fragments, memory, or the host's descriptors.</summary>
    public long DroppedLimit { get; init; }

    /// <summary>Frames that the guest received.</summary>
    public long ReceivedFrames { get; init; }

    /// <summary>Bytes of these.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Datagrams for the guest that were lost because it had no buffers.</summary>
    public long LostReceiving { get; init; }

    /// <summary>TCP segments that were sent to the guest again.</summary>
    public long Retransmissions { get; init; }

    /// <summary>TCP connections, UDP flows and pings that exist now.</summary>
    public int OpenFlows { get; init; }
}
