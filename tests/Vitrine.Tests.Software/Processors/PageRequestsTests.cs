using Vitrine.Accelerators.Software.Sharing;
using Xunit;

namespace Vitrine.Tests.Software.Processors;

/// <summary>What vCPUs ask of one another about pages.</summary>
public sealed class PageRequestsTests
{
    /// <summary>Each page that was named is dropped: by its name, or with everything where there were too many to keep.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(100_000)]
    public void NoRequestIsLost(int count)
    {
        PageRequests requests = new();
        for (int i = 0; i < count; i++) requests.Drop((ulong)i << 12);
        Assert.True(requests.Waiting);
        List<ulong> drops = [];
        bool everything = requests.Take(drops, []);
        Assert.True(everything || drops.Count == count);
        Assert.InRange(drops.Count, 0, 256);
        Assert.False(requests.Waiting);
        drops.Clear();
        Assert.False(requests.Take(drops, []));
        Assert.Empty(drops);
    }
}
