namespace Vitrine.Devices.Timing;

/// <summary>The time that devices live in, and timers in it.</summary>
public interface IDeviceClock
{
    /// <summary>Nanoseconds that the machine has run; does not go back, and stands still while the machine is held.</summary>
    long Nanoseconds { get; }

    /// <summary>Wall-clock time, UTC. It goes on while the machine is held.</summary>
    DateTimeOffset WallClock { get; }

    /// <summary>Creates a timer that is not armed.</summary>
    /// <param name="expired">Called with the machine's device lock held, not before the deadline.</param>
    IDeviceTimer CreateTimer(Action expired);
}
