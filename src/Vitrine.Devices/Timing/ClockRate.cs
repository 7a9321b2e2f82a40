namespace Vitrine.Devices.Timing;

/// <summary>The rate of a crystal, and the conversion between its ticks and nanoseconds, exact over the life of a machine.</summary>
/// <param name="Hertz">Ticks per second.</param>
public readonly record struct ClockRate(long Hertz)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Whole ticks that have passed at a time. The product is split, so that it can't overflow.</summary>
    public long TicksAt(long nanoseconds)
    {
        (long seconds, long rest) = Math.DivRem(nanoseconds, NanosecondsPerSecond);
        return seconds * Hertz + rest * Hertz / NanosecondsPerSecond;
    }

    /// <summary>The first nanosecond at which <see cref="TicksAt"/> reaches a number of ticks.</summary>
    public long NanosecondsAt(long ticks)
    {
        (long seconds, long rest) = Math.DivRem(ticks, Hertz);
        return seconds * NanosecondsPerSecond + (rest * NanosecondsPerSecond + Hertz - 1) / Hertz;
    }
}
