namespace Vitrine.Devices.Timing;

/// <summary>A one-shot timer of a device.</summary>
public interface IDeviceTimer
{
    /// <summary>Arms it, replacing an earlier deadline.</summary>
    /// <param name="deadline">Absolute, on the scale of <see cref="IDeviceClock.Nanoseconds"/>; a past one expires at once.</param>
    void Arm(long deadline);

    /// <summary>Disarms it.</summary>
    void Cancel();
}
