using Vitrine.Devices;
using Vitrine.Devices.State;
using Vitrine.Run;

namespace Vitrine.Boards;

/// <summary>
/// A board: the devices around the processors, wired. A machine drives it through this and knows nothing else of it.
/// </summary>
internal interface IBoard : IDisposable
{
    /// <summary>Ports, device memory, and the lock.</summary>
    MachineBus Bus { get; }

    /// <summary>The devices, in the order of their declaration.</summary>
    IReadOnlyList<IDevice> Devices { get; }

    /// <summary>What loaders and firmware tables say of it.</summary>
    BoardDescription Description { get; }

    /// <summary>Lets the first serial port take what waits for it. Any thread.</summary>
    void FeedSerial();

    /// <summary>Brings every device into its state after power-on. The wiring stays, and so does the time.</summary>
    void Reset();

    /// <summary>The machine has ended: the devices begin no more work. What is in flight completes.</summary>
    void EndWork();

    /// <summary>The state of every device, while the machine stands still.</summary>
    IReadOnlyList<DeviceState> Save();

    /// <summary>Takes over what <see cref="Save"/> gave. The processors' side of the interrupt lines is to be loaded after it.</summary>
    /// <exception cref="Errors.VitrineException">The states are not those of these devices, or one is impossible.</exception>
    void Load(IReadOnlyList<DeviceState> saved);
}
