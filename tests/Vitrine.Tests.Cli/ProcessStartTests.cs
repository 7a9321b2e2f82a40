using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Cli;
using Xunit;

namespace Vitrine.Tests.Cli;

public sealed partial class ProcessStartTests : IDisposable
{
    private const long Tick = 10_000_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    // proc(5): the start is field 22, in ticks; field 2 may hold blanks and parentheses. The true start is somewhere in the tick.
    [Theory]
    [InlineData("", 1_002_000_000, 1_002_000_000)]
    [InlineData("", 1_050_000_000, 1_000_000_000 + Tick)]
    [InlineData("3000000 1000000 7", 1_008_000_000, 1_004_000_000)]
    [InlineData("3000000 1000000 7", 1_050_000_000, 1_000_000_000 + Tick)]
    [InlineData("90000000 0 7", 1_050_000_000, 1_000_000_000)]
    public void TheStartIsInItsTickAndLeavesTheTimeThatWasSpent(string schedule, long now, long start) => Assert.Equal(
        start,
        ProcessStart.Estimate($"42 (a) b (c) S {string.Join(' ', Enumerable.Repeat("7", 18))} 100 12345 6", schedule, ticksPerSecond: 100, now));

    /// <summary>A process that was started after a time did not start before it, but for the tick; both are on the same clock.</summary>
    [Fact]
    public void TheTimesAreInTheirOrder()
    {
        string guest = Path.Combine(_folder, "guest");
        File.WriteAllBytes(guest, [0xB0, 0x05, 0xE6, 0xF4]);
        TimeSpan before = DateTime.UtcNow.TimeOfDay;
        (int status, _, string errors) = VitrineCommand.Run(["run", "--flat", $"{guest}@0x1000", "--mode", "real", "--accel", "soft", "--times"]);
        TimeSpan after = DateTime.UtcNow.TimeOfDay;
        Assert.Equal(11, status);
        Assert.SkipWhen(after < before, "midnight has passed");
        TimeSpan[] times = [before - TimeSpan.FromTicks(Tick / TimeSpan.NanosecondsPerTick), .. Times().Matches(errors).Select(static time => TimeSpan.Parse(time.Value, CultureInfo.InvariantCulture)), after];
        Assert.Equal(5, times.Length);
        Assert.Equal(times.Order(), times);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex(@"\d\d:\d\d:\d\d\.\d+")]
    private static partial Regex Times();
}
