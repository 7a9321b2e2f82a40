using Vitrine.Devices;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Vitrine.Run;

namespace Vitrine.Boards;

/// <summary>A board as <see cref="BoardBuilder"/> has wired it.</summary>
/// <param name="bus">Its buses.</param>
/// <param name="clock">Its devices' time; goes with the board.</param>
/// <param name="lines">All interrupt lines.</param>
/// <param name="devices">The devices that can be looked into.</param>
/// <param name="description">What loaders and firmware tables say of it.</param>
/// <param name="console">The serial port that input goes to; null for none.</param>
/// <param name="serialInput">What waits for it.</param>
internal sealed class Board(
    MachineBus bus, DeviceClock clock, IReadOnlyList<InterruptLine> lines, IReadOnlyList<IInspectable> devices, BoardDescription description,
    Uart16550? console, SerialInput serialInput) : IBoard
{
    private bool _disposed;

    /// <inheritdoc/>
    public MachineBus Bus => bus;

    /// <inheritdoc/>
    public IReadOnlyList<IInspectable> Devices => devices;

    /// <inheritdoc/>
    public BoardDescription Description => description;

    /// <inheritdoc/>
    public void FeedSerial()
    {
        lock (bus.DeviceLock)
        {
            if (!_disposed && console is not null) serialInput.Offer(console.Receive);
        }
    }

    /// <summary>Stops the timers and lets go of all interrupt lines.</summary>
    public void Dispose()
    {
        clock.Dispose();
        lock (bus.DeviceLock)
        {
            foreach (InterruptLine line in lines) line.Set(false);
            _disposed = true;
        }
    }
}
