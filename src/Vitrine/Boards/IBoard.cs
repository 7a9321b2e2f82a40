using Vitrine.Devices;
using Vitrine.Run;

namespace Vitrine.Boards;

/// <summary>
/// A board from power-on to its next reset: the devices around the processors, wired. A machine drives it through this and knows nothing else of it.
/// </summary>
internal interface IBoard : IDisposable
{
    /// <summary>Ports, device memory, and the lock.</summary>
    MachineBus Bus { get; }

    /// <summary>The devices that can be looked into, in the order of their declaration.</summary>
    IReadOnlyList<IInspectable> Devices { get; }

    /// <summary>What loaders and firmware tables say of it.</summary>
    BoardDescription Description { get; }

    /// <summary>Lets the first serial port take what waits for it. Any thread.</summary>
    void FeedSerial();
}
