namespace Vitrine.KvmServer.Run;

/// <summary>Who shows counters to a client.</summary>
internal interface IStatisticsView
{
    /// <summary>Shows counters as they are now. One call at a time.</summary>
    void Show(ReadOnlySpan<ulong> values);
}
