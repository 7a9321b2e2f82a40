namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>Writes to memory by others than vCPUs, which a vCPU has yet to follow. Any thread adds; the vCPU's takes.</summary>
internal sealed class WriteNotices
{
    // A device fills memory in large pieces; a vCPU that stands for as many small ones forgets everything instead.
    private const int Most = 1024;

    private readonly Lock _lock = new();
    private readonly List<HostRange> _ranges = [];
    private bool _overflowed;
    private volatile bool _waiting;

    /// <summary>True when there are notices.</summary>
    public bool Waiting => _waiting;

    /// <summary>Adds a range within a page. A neighbour of the one before becomes part of it.</summary>
    public void Add(HostRange range)
    {
        lock (_lock)
        {
            if (_ranges.Count != 0 && _ranges[^1] is var last && last.Start + last.Length == range.Start)
                _ranges[^1] = last with { Length = last.Length + range.Length };
            else if (_ranges.Count < Most) _ranges.Add(range);
            else _overflowed = true;
            _waiting = true;
        }
    }

    /// <summary>Takes all notices.</summary>
    /// <param name="ranges">Receives the ranges.</param>
    /// <returns>False when there were too many to keep: anything may have been written.</returns>
    public bool TryTake(List<HostRange> ranges)
    {
        lock (_lock)
        {
            ranges.AddRange(_ranges);
            _ranges.Clear();
            bool kept = !_overflowed;
            _overflowed = _waiting = false;
            return kept;
        }
    }
}
