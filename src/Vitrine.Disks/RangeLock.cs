namespace Vitrine.Disks;

/// <summary>Lets threads work on different parts of a disk at once, and one after the other where the parts overlap.</summary>
internal sealed class RangeLock
{
    private readonly object _sync = new();
    private (long First, long Last)[] _taken = new (long, long)[8];
    private int _count;

    /// <summary>Waits until nobody holds any part of a range, and takes it.</summary>
    /// <param name="first">Its first element.</param>
    /// <param name="last">Its last element.</param>
    public void Enter(long first, long last)
    {
        lock (_sync)
        {
            while (IsTaken(first, last)) Monitor.Wait(_sync);
            if (_count == _taken.Length) Array.Resize(ref _taken, 2 * _count);
            _taken[_count++] = (first, last);
        }
    }

    /// <summary>Gives a range back that was taken as it is named here.</summary>
    public void Exit(long first, long last)
    {
        lock (_sync)
        {
            int index = Array.IndexOf(_taken, (first, last), 0, _count);
            _taken[index] = _taken[--_count];
            Monitor.PulseAll(_sync);
        }
    }

    private bool IsTaken(long first, long last)
    {
        foreach ((long First, long Last) taken in _taken.AsSpan(0, _count))
        {
            if (first <= taken.Last && taken.First <= last) return true;
        }

        return false;
    }
}
