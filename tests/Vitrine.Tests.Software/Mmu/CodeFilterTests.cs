using Vitrine.Accelerators.Software.Mmu;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>Which pages instructions were fetched from: it may say too much, but seldom.</summary>
public sealed class CodeFilterTests
{
    private const ulong Page = 0x1000;
    private const ulong Code = 0x5555_5555_4000;
    private const ulong Data = 0x7FFF_F7DD_0000;

    /// <summary>A compiler has some 5000 pages of code. When one page of data in a hundred counts as code, each hundredth that is unmapped drops all look-ups.</summary>
    [Theory]
    [InlineData(100, 100)]
    [InlineData(5000, 1000)]
    public void PagesOfDataAreSeldomTakenForCode(int codePages, int mostOf10000)
    {
        CodeFilter filter = default;
        for (ulong i = 0; i < (ulong)codePages; i++) filter.Add(Code + (i * Page));
        int taken = 0;
        for (ulong i = 0; i < 10_000; i++) taken += filter.MayContain(Data + (i * Page)) ? 1 : 0;
        Assert.InRange(taken, 0, mostOf10000);
        for (ulong i = 0; i < (ulong)codePages; i++) Assert.True(filter.MayContain(Code + (i * Page) + 0x123));
        filter.Clear();
        Assert.False(filter.MayContain(Code));
    }
}
