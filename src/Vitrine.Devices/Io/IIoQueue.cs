namespace Vitrine.Devices.Io;

/// <summary>
/// How a device has work done away from the processors' threads and from the device lock. Completions come back one at a time with the device lock held, in
/// one order for the whole machine, and never while the machine is held.
/// </summary>
/// <remarks>All members are called with the device lock held.</remarks>
public interface IIoQueue
{
    /// <summary>How many requests may be in flight: a guest can ask for no more at once.</summary>
    int Depth { get; }

    /// <summary>How many are in flight, those included that were cancelled while a worker had them.</summary>
    int InFlight { get; }

    /// <summary>Submits a request. With one worker, requests are done in the order of their submission.</summary>
    /// <returns>False when <see cref="Depth"/> are in flight, or the machine has ended: nothing has happened.</returns>
    /// <exception cref="InvalidOperationException">The request is in flight already.</exception>
    bool TrySubmit(IoRequest request);

    /// <summary>
    /// The device is reset: no request submitted before completes any more. Those that no worker has begun are not done; the others are done to their end, and
    /// stay in flight until then.
    /// </summary>
    void Cancel();

    /// <summary>
    /// As <see cref="Cancel"/>, and waits until no worker does any of them: after it nothing touches what they held, such as the guest's memory. It takes as long as
    /// what a worker has begun; requests therefore never take the device lock in <see cref="IoRequest.Perform"/>.
    /// </summary>
    void CancelAndSettle();
}
