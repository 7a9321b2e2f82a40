namespace Vitrine.Devices.Io;

/// <summary>
/// One piece of a device's work that may block: a file's bytes, a packet, output that somebody reads. A device makes as many as it has depth, once, and
/// submits them again and again, so that nothing is allocated for a request.
/// </summary>
public abstract class IoRequest
{
    private volatile bool _isInFlight;

    /// <summary>
    /// True from its submission until it is about to complete, or a worker has let go of it after <see cref="IIoQueue.Cancel"/>. What it holds is the worker's
    /// meanwhile.
    /// </summary>
    public bool IsInFlight
    {
        get => _isInFlight;
        internal set => _isInFlight = value;
    }

    internal IoQueue? Queue { get; set; }

    // Which of the queue's times, between one cancellation and the next, it was submitted in.
    internal int Epoch { get; set; }

    // The next in the list that it is in.
    internal IoRequest? Next { get; set; }

    /// <summary>
    /// Does the work. On a thread of the queue, with no lock held; it touches what belongs to the request only, never the device. An error that the guest
    /// is to see is noted in the request. An exception ends the machine.
    /// </summary>
    protected internal abstract void Perform();

    /// <summary>
    /// Takes up what was done. With the device lock held, in the order in which work was finished; it may submit requests, this one too. A device must not
    /// go on for ever by itself: who pauses the machine waits until nothing is in flight.
    /// </summary>
    protected internal abstract void Complete();
}
