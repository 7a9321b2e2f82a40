using System.Diagnostics;

namespace Vitrine.Accelerators.Software;

/// <summary>The clocks of the software CPU. Both tick a thousand million times a second, so that no tick is ever scaled.</summary>
internal static class GuestClock
{
    /// <summary>Frequency of the time-stamp counter.</summary>
    public const uint TscKilohertz = 1_000_000;

    /// <summary>Frequency of the local APIC's timer before its divider.</summary>
    public const uint ApicTimerKilohertz = 1_000_000;

    /// <summary>Nanoseconds on a clock that never goes back.</summary>
    public static long Nanoseconds() =>
        Stopwatch.Frequency == 1_000_000_000 ? Stopwatch.GetTimestamp() : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <summary>Time-stamp counter ticks on the same scale.</summary>
    public static long TscTicks() => Nanoseconds();
}
