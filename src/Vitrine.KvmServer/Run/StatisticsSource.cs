using System.Collections.Immutable;

namespace Vitrine.KvmServer.Run;

/// <summary>Counters of a machine or a vCPU, and the files that show them. Who counts is one thread at a time; files come and go from any.</summary>
/// <param name="statistics">The counters' names, and whether each says how things are now, and not how often something has happened.</param>
internal sealed class StatisticsSource(ImmutableArray<(string Name, bool IsInstant)> statistics)
{
    private readonly Lock _lock = new();
    private readonly ulong[] _values = new ulong[statistics.Length];
    private ImmutableArray<IStatisticsView> _files = [];

    /// <summary>The counters' names, and whether each says how things are now.</summary>
    public ImmutableArray<(string Name, bool IsInstant)> Statistics { get; } = statistics;

    /// <summary>Something has happened.</summary>
    /// <param name="index">Which counter.</param>
    public void Count(int index) => _values[index]++;

    /// <summary>How things are now.</summary>
    public void Set(int index, ulong value) => _values[index] = value;

    /// <summary>Lets files show the counters as they are.</summary>
    public void Show()
    {
        if (_files.IsEmpty) return;
        lock (_lock)
        {
            foreach (IStatisticsView file in _files) file.Show(_values);
        }
    }

    /// <summary>A file shows the counters from now on.</summary>
    public void Add(IStatisticsView file)
    {
        lock (_lock)
        {
            _files = _files.Add(file);
            file.Show(_values);
        }
    }

    /// <summary>A file is about to end.</summary>
    public void Remove(IStatisticsView file)
    {
        lock (_lock) _files = _files.Remove(file);
    }
}
