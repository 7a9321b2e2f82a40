namespace Vitrine.Network;

/// <summary>
/// A network card as its <see cref="INetworkBackend"/> sees it. The backend calls one method at a time, with a lock of its own held: an implementation must not call
/// the backend, nor wait for a thread that may be inside it.
/// </summary>
public interface IFrameReceiver
{
    /// <summary>Hands a frame to the guest, in two parts so that what a socket delivered need not be copied behind a header first.</summary>
    /// <param name="header">What is left for the guest to do; never beyond what it accepts.</param>
    /// <param name="head">The frame's first bytes: at least the Ethernet header.</param>
    /// <param name="body">The bytes that follow; may be empty. Neither part is valid after the call.</param>
    /// <returns>
    /// False when the guest has no buffers for it: nothing was received, and the backend sends no more until <see cref="INetworkBackend.ResumeReceiving"/> is called. TCP
    /// data waits in the backend until then; datagrams are lost, as on any network. A frame that a rule of the card drops counts as received.
    /// </returns>
    bool TryReceive(in FrameHeader header, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);

    /// <summary>No more frames follow at the moment: the guest may be told of those that came.</summary>
    void Flush();
}
