using Vitrine.Accelerators.Software.Translator;
using Xunit;

namespace Vitrine.Tests.Software.Translator;

/// <summary>How large code caches may become on a host.</summary>
public sealed class CodeMemorySizeTests
{
    private const ulong MiB = 1 << 20;
    private const ulong GiB = 1 << 30;

    [Theory]
    [InlineData(1, 64 * GiB, ulong.MaxValue, GiB)]
    [InlineData(1, 2 * GiB, ulong.MaxValue, 256 * MiB)]
    [InlineData(1, 64 * MiB, ulong.MaxValue, 16 * MiB)]
    [InlineData(8, 8 * GiB, ulong.MaxValue, 128 * MiB)]
    [InlineData(8, 64 * MiB, ulong.MaxValue, 16 * MiB)]
    [InlineData(1, 64 * GiB, 4 * GiB, 128 * MiB)]
    [InlineData(1, 64 * GiB, 100 * MiB, 16 * MiB)]
    public void TheBoundFollowsTheHost(int vcpus, ulong memory, ulong addressSpace, ulong bound) =>
        Assert.Equal(bound, CodeMemorySize.For(vcpus, memory, addressSpace));

    [Fact]
    public void DistancesInTheCacheAreOf32Bits() => Assert.InRange(CodeMemorySize.Most, CodeMemorySize.Least, (ulong)int.MaxValue);
}
