using Vitrine.Devices.State;

namespace Vitrine.Devices;

/// <summary>
/// A device of a board. What it holds is one value, a nested type <c>State</c>: reset, inspection and saving are the same thing seen from
/// several sides. Called with the machine's device lock held.
/// </summary>
/// <remarks>
/// Saving and loading take place while the machine stands still. A load drives no interrupt line: the controllers behind the lines are loaded as well, and
/// know their levels. Timers are armed again.
/// </remarks>
public interface IDevice : IInspectable
{
    /// <summary>Brings it into its state after power-on, and lets go of its interrupt line.</summary>
    void Reset();

    /// <summary>Everything that it holds.</summary>
    DeviceState Save();

    /// <summary>Takes over what <see cref="Save"/> gave.</summary>
    /// <param name="saved">The state; nothing in it is trusted.</param>
    /// <exception cref="Errors.VitrineException">It is another device's, has another version or a value that the device can't have. Nothing has changed then.</exception>
    void Load(DeviceState saved);
}
