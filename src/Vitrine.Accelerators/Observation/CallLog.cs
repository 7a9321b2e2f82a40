using System.Diagnostics;

namespace Vitrine.Accelerators.Observation;

/// <summary>
/// The calls that were made to an accelerator, in the order in which they began. Given to a machine that is to be explained; a machine without
/// one observes nothing. Any thread.
/// </summary>
public sealed class CallLog
{
    private readonly Lock _lock = new();
    private volatile bool _paused;
    private readonly List<CallRecord?> _calls = [];
    private readonly List<StatePut> _puts = [];
    private readonly ThreadLocal<Stack<int>> _open = new(static () => new Stack<int>());

    /// <summary>The calls that have ended, by <see cref="CallRecord.Number"/>.</summary>
    public IReadOnlyList<CallRecord> Calls
    {
        get
        {
            lock (_lock) return [.. _calls.OfType<CallRecord>()];
        }
    }

    /// <summary>
    /// True while calls are not to be written down: where there would be millions, as in stepping to a far address. A call that began
    /// before is still written down when it ends.
    /// </summary>
    public bool Paused
    {
        get => _paused;
        set => _paused = value;
    }

    /// <summary>How many calls have begun.</summary>
    internal int Begun
    {
        get
        {
            lock (_lock) return _calls.Count;
        }
    }

    /// <summary>As <see cref="Calls"/>, less those that the observer made for its own sake, and less what these caused.</summary>
    public IReadOnlyList<CallRecord> MachineCalls
    {
        get
        {
            HashSet<int> own = [];
            List<CallRecord> machine = [];
            foreach (CallRecord call in Calls)
            {
                // A parent begins before its children, so it has the lower number.
                if (call.Target == CallRecord.ObserverTarget || own.Contains(call.Parent)) own.Add(call.Number);
                else machine.Add(call);
            }

            return machine;
        }
    }

    /// <summary>The puts of vCPU state, in order.</summary>
    public IReadOnlyList<StatePut> Puts
    {
        get
        {
            lock (_lock) return [.. _puts];
        }
    }

    /// <summary>A call begins; calls made on this thread before its <see cref="End"/> are its children.</summary>
    /// <returns>Its number; 0 while the log is paused.</returns>
    public int Begin()
    {
        if (_paused) return 0;
        int number;
        lock (_lock)
        {
            _calls.Add(null);
            number = _calls.Count;
        }

        _open.Value!.Push(number);
        return number;
    }

    /// <summary>A call ends.</summary>
    /// <param name="number">What <see cref="Begin"/> returned.</param>
    /// <param name="target">See <see cref="CallRecord"/>.</param>
    /// <param name="name">See <see cref="CallRecord"/>.</param>
    /// <param name="arguments">See <see cref="CallRecord"/>.</param>
    /// <param name="result">See <see cref="CallRecord"/>.</param>
    /// <param name="started"><see cref="Stopwatch.GetTimestamp"/> when it was made.</param>
    public void End(
        int number, string target, string name, IReadOnlyList<KeyValuePair<string, string>> arguments, string result, long started)
    {
        if (number == 0) return;
        TimeSpan duration = Stopwatch.GetElapsedTime(started);
        Stack<int> open = _open.Value!;
        open.Pop();
        int parent = open.Count > 0 ? open.Peek() : 0;
        string thread = Thread.CurrentThread.Name ?? "main";
        lock (_lock) _calls[number - 1] = new CallRecord(number, parent, target, name, arguments, result, duration, thread);
    }

    /// <summary>Adds a put.</summary>
    internal void Add(StatePut put)
    {
        lock (_lock) _puts.Add(put);
    }
}
