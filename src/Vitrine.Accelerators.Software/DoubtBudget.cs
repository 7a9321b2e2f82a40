namespace Vitrine.Accelerators.Software;

/// <summary>
/// Bounds what it costs to compare code with memory where nobody knows that it has changed: so many comparisons as fit into a share of the time, of which some may be
/// saved up. A guest that does little input and output doubts each time, and one that does nothing else now and then.
/// </summary>
internal sealed class DoubtBudget
{
    /// <summary>Of the time, one part in so many.</summary>
    public const long Share = 50;

    /// <summary>The most that is saved up, in nanoseconds.</summary>
    public const long MostCredit = 1_000_000;

    /// <summary>What the comparison of a page costs, with leaving translated code for it and looking the page up, in nanoseconds.</summary>
    public const long PageCost = 250;

    /// <summary>What a doubt costs in which no page is compared, in nanoseconds.</summary>
    public const long DoubtCost = 100;

    private long _credit = MostCredit;
    private long _last;
    private ulong _pages;

    /// <summary>There was a doubt that the budget did not allow.</summary>
    public bool IsOwed { get; private set; }

    /// <summary>The earliest time at which it is worth asking again, in nanoseconds; the greatest where nothing is owed.</summary>
    public long RetryAt => IsOwed ? _last + (Math.Max(-_credit, 1) * Share) : long.MaxValue;

    /// <summary>Asks for a doubt.</summary>
    /// <param name="now">The time in nanoseconds, of a clock that doesn't go back.</param>
    /// <param name="pages">Pages compared since creation.</param>
    /// <returns>False when the comparisons before were too many; it is owed then.</returns>
    public bool TryTake(long now, ulong pages)
    {
        _credit = Math.Min(_credit + ((now - _last) / Share) - ((long)(pages - _pages) * PageCost), MostCredit);
        _last = now;
        _pages = pages;
        IsOwed = _credit < 0;
        if (IsOwed) return false;
        _credit -= DoubtCost;
        return true;
    }
}
