namespace Vitrine.Devices.Timing;

/// <summary>The time that devices live in, and timers in it.</summary>
public interface IDeviceClock
{
    /// <summary>Nanoseconds since the machine was created; does not go back.</summary>
    long Nanoseconds { get; }

    /// <summary>Wall-clock time, UTC.</summary>
    DateTimeOffset WallClock { get; }

    /// <summary>Creates a timer that is not armed.</summary>
    /// <param name="expired">Called with the machine's device lock held, not before the deadline.</param>
    IDeviceTimer CreateTimer(Action expired);
}
