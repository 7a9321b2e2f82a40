namespace Vitrine.Devices.Io;

/// <summary>
/// The one ordered way back from the workers of a machine's devices: what is finished first completes first, with the device lock held. Its queues live as
/// long as it, or as their board.
/// </summary>
/// <remarks>
/// Locks are taken in this order: device lock, a queue's, this one's. The worker that has finished something delivers it, and whatever else is finished by
/// then: no further thread has to be woken.
/// </remarks>
public sealed class IoCompletions : IDisposable
{
    private readonly Lock _deviceLock;
    private readonly Action<Action> _enter;
    private readonly Action<Exception> _failed;
    private readonly Action _deliver;
    private readonly object _sync = new();
    private readonly List<IoQueue> _queues = [];
    private IoList _finished;
    private int _inFlight;
    private bool _isEntering;

    /// <summary>Creates it without queues.</summary>
    /// <param name="deviceLock">The machine's device lock.</param>
    /// <param name="enter">
    /// The machine's ordered place for what comes from outside: calls what it is given with the device lock held, at once or when the machine goes on.
    /// </param>
    /// <param name="failed">Told of an exception of a request, on a thread of the pool with no lock held. That request does not complete.</param>
    public IoCompletions(Lock deviceLock, Action<Action> enter, Action<Exception> failed)
    {
        _deviceLock = deviceLock;
        _enter = enter;
        _failed = failed;
        _deliver = Enter;
    }

    /// <summary>True on a thread that does a device's work, and so in a callback that it calls.</summary>
    public bool IsOnWorker
    {
        get
        {
            IoQueue[] queues;
            lock (_sync) queues = [.. _queues];
            return Array.Exists(queues, static queue => queue.IsOnWorker());
        }
    }

    /// <summary>Creates a queue.</summary>
    /// <param name="name">Name of its threads.</param>
    /// <param name="depth">How many requests may be in flight, from 1.</param>
    /// <param name="workers">How many are done at once at most; 0 for a queue that is driven by hand.</param>
    public IoQueue CreateQueue(string name, int depth, int workers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(workers);
        IoQueue queue = new(this, name, depth, workers);
        lock (_sync) _queues.Add(queue);
        return queue;
    }

    /// <summary>Disposes a queue of its own.</summary>
    public void Remove(IoQueue queue)
    {
        queue.Dispose();
        lock (_sync) _queues.Remove(queue);
    }

    /// <summary>
    /// Waits until no request is in flight, and completes all, also while the machine is held. Nothing but completions should submit requests meanwhile: the
    /// processors stand, or have ended. Not with the device lock held, and not in a callback of a request.
    /// </summary>
    /// <param name="recalled">Asked before each completion; true ends the waiting. Null to wait in any case.</param>
    public void Drain(Func<bool>? recalled = null)
    {
        while (recalled?.Invoke() is not true)
        {
            lock (_deviceLock)
            {
                Deliver();
                lock (_sync)
                {
                    // With the device lock held, no completion is under way that could submit something.
                    if (_inFlight == 0) return;
                }
            }

            lock (_sync)
            {
                while (_finished.IsEmpty && _inFlight != 0) Monitor.Wait(_sync);
            }
        }
    }

    /// <summary>Disposes all queues.</summary>
    public void Dispose()
    {
        IoQueue[] queues;
        lock (_sync)
        {
            queues = [.. _queues];
            _queues.Clear();
        }

        foreach (IoQueue queue in queues) queue.Dispose();
    }

    internal void Submitted()
    {
        lock (_sync) _inFlight++;
    }

    internal void Finished()
    {
        lock (_sync)
        {
            _inFlight--;
            Monitor.PulseAll(_sync);
        }
    }

    internal void Performed(IoQueue queue, IoRequest request, Exception? failure)
    {
        if (failure is not null) Report(failure);
        if (failure is not null || queue.HasCancelled(request))
        {
            queue.LetGo(request);
            return;
        }

        lock (_sync)
        {
            _finished.Append(request);
            Monitor.PulseAll(_sync);
            if (_isEntering) return;
            _isEntering = true;
        }

        _enter(_deliver);
    }

    private void Enter()
    {
        lock (_sync) _isEntering = false;
        Deliver();
    }

    // Device lock held.
    private void Deliver()
    {
        while (true)
        {
            IoRequest? request;
            lock (_sync) request = _finished.Take();
            if (request is null) return;
            IoQueue queue = request.Queue!;
            bool cancelled = queue.HasCancelled(request);
            queue.LetGo(request);
            if (cancelled) continue;
            try
            {
                request.Complete();
            }
            catch (Exception error)
            {
                Report(error);
            }
        }
    }

    // Elsewhere, because locks may be held here, and a worker may be waited for.
    private void Report(Exception error) => ThreadPool.UnsafeQueueUserWorkItem(_ => _failed(error), null);
}
