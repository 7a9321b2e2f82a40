using Vitrine.Errors;

namespace Vitrine.Devices.Io;

/// <summary>A device's queue, with worker threads of its own, so that no device waits for another's work. A thread is started when there is work for it.</summary>
public sealed class IoQueue : IIoQueue, IDisposable
{
    private readonly IoCompletions _completions;
    private readonly string _name;
    private readonly int _workers;
    private readonly object _sync = new();
    private readonly List<Thread> _threads = [];
    private IoList _waiting;
    private int _waitingCount;
    private int _performing;
    private int _busyWorkers; // that have not reported what they did, too
    private int _settlers; // who waits for the workers
    private int _inFlight;
    private int _epoch;
    private bool _closed;
    private bool _disposed;

    internal IoQueue(IoCompletions completions, string name, int depth, int workers)
    {
        _completions = completions;
        _name = name;
        Depth = depth;
        _workers = workers;
    }

    /// <inheritdoc/>
    public int Depth { get; }

    /// <inheritdoc/>
    public int InFlight
    {
        get
        {
            lock (_sync) return _inFlight;
        }
    }

    /// <inheritdoc/>
    public bool TrySubmit(IoRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_sync)
        {
            if (request.IsInFlight) throw new InvalidOperationException("The request is in flight already.");
            if (_closed || _inFlight == Depth) return false;
            if (_threads.Count < _workers && _performing + _waitingCount >= _threads.Count) StartWorker();
            request.Queue = this;
            request.Epoch = _epoch;
            request.IsInFlight = true;
            _inFlight++;
            _completions.Submitted();
            _waiting.Append(request);
            _waitingCount++;
            if (_settlers == 0) Monitor.Pulse(_sync);
            else Monitor.PulseAll(_sync);
            return true;
        }
    }

    /// <inheritdoc/>
    public void Cancel()
    {
        lock (_sync) CancelWaiting();
    }

    /// <inheritdoc/>
    public void CancelAndSettle()
    {
        lock (_sync)
        {
            CancelWaiting();
            _settlers++;
            while (_performing != 0) Monitor.Wait(_sync);
            _settlers--;
        }
    }

    /// <summary>
    /// Cancels what is in flight, and waits until no worker does anything of it. Not with the device lock held, which a worker may want to have, and not on a
    /// worker.
    /// </summary>
    public void CancelAndWait()
    {
        lock (_sync)
        {
            CancelWaiting();
            _settlers++;
            while (_busyWorkers != 0) Monitor.Wait(_sync);
            _settlers--;
        }
    }

    /// <summary>Does the oldest request that waits, on the calling thread: for a queue without workers, which is driven by hand.</summary>
    /// <returns>False when none waits.</returns>
    public bool PerformNext()
    {
        IoRequest? request;
        lock (_sync)
        {
            request = TakeWaiting();
            if (request is null) return false;
        }

        Perform(request);
        return true;
    }

    /// <summary>Takes no more requests. Those that are in flight are done, and complete. Any thread.</summary>
    public void Close()
    {
        lock (_sync)
        {
            _closed = true;
            Monitor.PulseAll(_sync);
        }
    }

    /// <summary>
    /// Cancels what is in flight, and waits until the workers are done with it. Not with the device lock held, which a worker may want to have.
    /// </summary>
    public void Dispose()
    {
        Thread[] threads;
        lock (_sync)
        {
            if (_disposed) return;
            _disposed = _closed = true;
            CancelWaiting();
            Monitor.PulseAll(_sync);
            threads = [.. _threads];
        }

        foreach (Thread thread in threads)
        {
            if (thread != Thread.CurrentThread) thread.Join();
        }
    }

    /// <summary>True on one of its workers.</summary>
    internal bool IsOnWorker()
    {
        lock (_sync) return _threads.Contains(Thread.CurrentThread);
    }

    /// <summary>True when a request was submitted before the last cancellation.</summary>
    internal bool HasCancelled(IoRequest request)
    {
        lock (_sync) return request.Epoch != _epoch;
    }

    /// <summary>A request is not in flight any more.</summary>
    internal void LetGo(IoRequest request)
    {
        lock (_sync)
        {
            request.IsInFlight = false;
            _inFlight--;
        }

        _completions.Finished();
    }

    private void CancelWaiting()
    {
        _epoch++;
        while (_waiting.Take() is { } request)
        {
            _waitingCount--;
            LetGo(request);
        }
    }

    private static VitrineException NoThread(Exception error) => VitrineException.Host(
        ErrorCode.IoNoThread,
        "The host gives this process no thread for the input and output of a device.",
        "A limit of threads or of memory is reached, of the user or of a control group.",
        "Raise the limit, or run fewer machines at once.",
        error);

    private IoRequest? TakeWaiting()
    {
        IoRequest? request = _waiting.Take();
        if (request is null) return null;
        _waitingCount--;
        _performing++;
        _busyWorkers++;
        return request;
    }

    private void StartWorker()
    {
        Thread thread = new(Work) { IsBackground = true, Name = _name };
        try
        {
            thread.Start();
            _threads.Add(thread);
        }
        catch (OutOfMemoryException error)
        {
            // What Thread.Start throws when the host refuses a thread. One worker does for all.
            if (_threads.Count == 0) throw NoThread(error);
        }
    }

    private void Work()
    {
        while (true)
        {
            IoRequest? request;
            lock (_sync)
            {
                while (_waiting.IsEmpty && !_closed) Monitor.Wait(_sync);
                request = TakeWaiting();
                if (request is null) return;
            }

            Perform(request);
        }
    }

    private void Perform(IoRequest request)
    {
        Exception? failure = null;
        try
        {
            request.Perform();
        }
        catch (Exception error)
        {
            // A defect of ours, or of a callback: it must not take the caller's process down.
            failure = error;
        }

        lock (_sync)
        {
            _performing--;
            WakeSettlers();
        }

        _completions.Performed(this, request, failure);
        lock (_sync)
        {
            _busyWorkers--;
            WakeSettlers();
        }
    }

    // Workers that have nothing to do wait for the same lock, and would all be woken for nothing.
    private void WakeSettlers()
    {
        if (_settlers != 0) Monitor.PulseAll(_sync);
    }
}
