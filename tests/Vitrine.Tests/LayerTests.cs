using Xunit;

namespace Vitrine.Tests;

public sealed class LayerTests
{
    [Fact]
    public void Placeholder() => Assert.Equal(1, int.Parse("1"));
}
