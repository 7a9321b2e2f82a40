using Vitrine.Timing;

namespace Vitrine.Tests.Timing;

/// <summary>Time that a test moves.</summary>
internal sealed class ManualClockSource : IClockSource
{
    private long _nanoseconds;

    public event Action? Moved;

    public long Nanoseconds => Volatile.Read(ref _nanoseconds);

    public DateTimeOffset UtcNow => DateTimeOffset.UnixEpoch.AddTicks(Nanoseconds / 100);

    public void Advance(long nanoseconds)
    {
        Interlocked.Add(ref _nanoseconds, nanoseconds);
        Moved?.Invoke();
    }
}
