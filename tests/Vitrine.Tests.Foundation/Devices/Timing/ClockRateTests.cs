using System.Numerics;
using CsCheck;
using Vitrine.Devices.Timing;
using Xunit;

namespace Vitrine.Tests.Devices.Timing;

public sealed class ClockRateTests
{
    [Theory]
    [InlineData(1_193_182)]
    [InlineData(3_579_545)]
    [InlineData(32_768)]
    [InlineData(1_000_000_000)]
    public void ConversionsAreExactForThreeHundredYears(long hertz)
    {
        ClockRate rate = new(hertz);
        Gen.Long[0, long.MaxValue].Sample(nanoseconds =>
            rate.TicksAt(nanoseconds) == (long)((BigInteger)nanoseconds * hertz / 1_000_000_000), iter: 1000);
        Gen.Long[0, 9_000_000_000 * hertz].Sample(ticks =>
        {
            long at = rate.NanosecondsAt(ticks);
            return rate.TicksAt(at) >= ticks && (at == 0 || rate.TicksAt(at - 1) < ticks);
        }, iter: 1000);
    }
}
