namespace Vitrine.Devices.Io;

/// <summary>
/// Lets a device go on with its work later, behind what else waits for the device lock: for work without an end of its own, such as a queue that a guest fills as
/// fast as the device empties it.
/// </summary>
/// <param name="again">What goes on, with the device lock held.</param>
public sealed class IoTurn(Action again) : IoRequest
{
    /// <summary>Asks for a turn; does nothing when one was asked for already.</summary>
    public void Ask(IIoQueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (!IsInFlight) queue.TrySubmit(this);
    }

    /// <inheritdoc/>
    protected internal override void Perform()
    {
    }

    /// <inheritdoc/>
    protected internal override void Complete() => again();
}
