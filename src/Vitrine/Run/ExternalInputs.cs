namespace Vitrine.Run;

/// <summary>
/// The one ordered way from the world outside into a machine: what arrives takes effect here, one after the other, with the device lock held, and never
/// while the machine is held. What a guest does by itself, timers included, does not pass here.
/// </summary>
/// <param name="deviceLock">The machine's device lock.</param>
/// <param name="failed">
/// Told of an exception of an input, on a thread of the pool with no lock held. Who sends the input hears nothing of it.
/// </param>
internal sealed class ExternalInputs(Lock deviceLock, Action<Exception> failed)
{
    private readonly Queue<Action> _waiting = [];
    private bool _held = true;

    /// <summary>Lets an input take effect: at once, or when the machine goes on. Any thread.</summary>
    /// <param name="input">Called with the device lock held.</param>
    public void Post(Action input)
    {
        lock (deviceLock)
        {
            if (_held) _waiting.Enqueue(input);
            else Take(input);
        }
    }

    /// <summary>Keeps inputs back: when it returns, none takes effect any more. They are held at first.</summary>
    public void Hold()
    {
        lock (deviceLock) _held = true;
    }

    /// <summary>Lets those that wait take effect, in their order, and all later ones at once.</summary>
    public void Release()
    {
        lock (deviceLock)
        {
            while (_waiting.TryDequeue(out Action? input)) Take(input);
            _held = false;
        }
    }

    private void Take(Action input)
    {
        try
        {
            input();
        }
        catch (Exception error)
        {
            ThreadPool.UnsafeQueueUserWorkItem(_ => failed(error), null);
        }
    }
}
