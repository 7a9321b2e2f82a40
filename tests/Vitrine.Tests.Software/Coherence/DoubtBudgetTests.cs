using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software.Coherence;

/// <summary>How often code may be compared with memory where nobody knows that it has changed.</summary>
public sealed class DoubtBudgetTests
{
    private const long Millisecond = 1_000_000;

    /// <summary>Doubts with few comparisons are all carried out, however many there are in a row after a while of quiet.</summary>
    [Fact]
    public void FewComparisonsAreAlwaysAllowed()
    {
        DoubtBudget budget = new();
        ulong pages = 0;
        for (long now = Millisecond; now < 1000 * Millisecond; now += Millisecond)
        {
            Assert.True(budget.TryTake(now, pages));
            pages += 40;
            Assert.False(budget.IsOwed);
        }
    }

    /// <summary>However often it is asked, and however many pages each doubt compares, they stay within their share of the time.</summary>
    [Theory]
    [InlineData(1_000, 1)]
    [InlineData(1_000, 100)]
    [InlineData(20_000, 1000)]
    public void ManyComparisonsStayWithinTheirShare(long interval, ulong each)
    {
        const long Second = 1000 * Millisecond;
        DoubtBudget budget = new();
        ulong pages = 0;
        for (long now = 0; now < Second; now += interval)
        {
            if (budget.TryTake(now, pages)) pages += each;
        }

        long cost = (long)pages * DoubtBudget.PageCost;
        Assert.InRange(cost, Second / DoubtBudget.Share / 4, (Second / DoubtBudget.Share) + DoubtBudget.MostCredit + ((long)each * DoubtBudget.PageCost));
    }

    /// <summary>What was refused is owed until it is affordable, and the time for that is known.</summary>
    [Fact]
    public void WhatIsRefusedIsOwed()
    {
        DoubtBudget budget = new();
        Assert.Equal(long.MaxValue, budget.RetryAt);
        Assert.True(budget.TryTake(0, 0));
        Assert.False(budget.TryTake(10, 10_000));
        Assert.True(budget.IsOwed);
        long retry = budget.RetryAt;
        Assert.InRange(retry, 10, 10_000 * DoubtBudget.PageCost * DoubtBudget.Share);
        Assert.False(budget.TryTake(retry / 2, 10_000));
        Assert.True(budget.TryTake(budget.RetryAt, 10_000));
        Assert.False(budget.IsOwed);
        Assert.Equal(long.MaxValue, budget.RetryAt);
    }
}
