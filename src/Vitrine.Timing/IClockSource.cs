namespace Vitrine.Timing;

/// <summary>What a <see cref="MachineClock"/> takes its time from, where that is not the host's clock: a test, or a record that is replayed.</summary>
public interface IClockSource
{
    /// <summary>Nanoseconds on a scale of its own; never goes back. Any thread.</summary>
    long Nanoseconds { get; }

    /// <summary>Calendar time, UTC. Any thread.</summary>
    DateTimeOffset UtcNow { get; }

    /// <summary>Raised after <see cref="Nanoseconds"/> has moved, so that threads that wait for a time look at it again.</summary>
    event Action? Moved;
}
