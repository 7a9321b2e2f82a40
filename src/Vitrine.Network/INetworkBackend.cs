namespace Vitrine.Network;

/// <summary>
/// The other end of a network card's cable. Frames are Ethernet frames without preamble and frame check sequence, from the destination address on; with offloads
/// one frame may hold up to 64 KiB of TCP payload, as <see cref="FrameHeader"/> describes.
/// </summary>
/// <remarks>
/// Any thread may call, but never with a machine's device lock held: a call may wait for another thread that is inside the backend, or make a system call. The
/// backend calls the <see cref="IFrameReceiver"/> from threads of its own and also from within <see cref="Send"/>, <see cref="Flush"/> and
/// <see cref="ResumeReceiving"/>. Nothing a guest sends makes a call throw: what makes no sense is dropped and counted.
/// </remarks>
public interface INetworkBackend : IDisposable
{
    /// <summary>Longest IP packet in bytes that it carries without segmentation offload; 68 to 65,535.</summary>
    int Mtu { get; }

    /// <summary>What the guest may leave to it in frames that are sent, and what it can leave to the guest in frames that are received.</summary>
    NetworkOffloads Offloads { get; }

    /// <summary>What has gone through it.</summary>
    NetworkStatistics Statistics { get; }

    /// <summary>Connects the card. Called once, before anything is sent; no frame is received before.</summary>
    /// <param name="receiver">Receives frames.</param>
    /// <exception cref="InvalidOperationException">A card is connected already.</exception>
    void Connect(IFrameReceiver receiver);

    /// <summary>Says what the guest accepts in frames that it receives. At first that is nothing; a reset of the card sets it back.</summary>
    /// <param name="offloads">A subset of <see cref="Offloads"/>; what goes beyond is ignored.</param>
    void AcceptOffloads(NetworkOffloads offloads);

    /// <summary>Takes a frame from the guest. It has been used when the call returns.</summary>
    /// <param name="header">What is still to be done to it; nothing in it is trusted.</param>
    /// <param name="frame">The frame; one of more than <see cref="FrameHeader.MaximumFrameLength"/> bytes is dropped.</param>
    void Send(in FrameHeader header, ReadOnlySpan<byte> frame);

    /// <summary>The guest has nothing more to send at the moment: acknowledgements that waited for more go out now.</summary>
    void Flush();

    /// <summary>The guest has buffers again, after <see cref="IFrameReceiver.TryReceive"/> had refused a frame.</summary>
    void ResumeReceiving();
}
