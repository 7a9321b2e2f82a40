using Vitrine.Devices;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Devices.Serial;
using Vitrine.Devices.State;
using Vitrine.Devices.Timing;
using Vitrine.Errors;
using Vitrine.Run;

namespace Vitrine.Boards;

/// <summary>A board as <see cref="BoardBuilder"/> has wired it.</summary>
internal sealed class Board : IBoard
{
    private bool _disposed;

    /// <inheritdoc/>
    public required MachineBus Bus { get; init; }

    /// <inheritdoc/>
    public required IReadOnlyList<IDevice> Devices { get; init; }

    /// <inheritdoc/>
    public required BoardDescription Description { get; init; }

    /// <summary>Its devices' time; goes with the board.</summary>
    public required DeviceClock Clock { get; init; }

    /// <summary>All interrupt lines.</summary>
    public required IReadOnlyList<InterruptLine> Lines { get; init; }

    /// <summary>Its 8259 pair; null where the accelerator has it.</summary>
    public required PicPair? Pics { get; init; }

    /// <summary>The way to the processors.</summary>
    public required IInterruptFabric Interrupts { get; init; }

    /// <summary>The serial port that input goes to; null for none.</summary>
    public required Uart16550? Console { get; init; }

    /// <summary>What waits for it.</summary>
    public required SerialInput SerialInput { get; init; }

    /// <summary>The machine's output that its devices write to.</summary>
    public required BufferedOutput Output { get; init; }

    /// <summary>Where its devices' work is done.</summary>
    public required IoCompletions Io { get; init; }

    /// <summary>The queues of its devices; go with the board.</summary>
    public required IReadOnlyList<IoQueue> Queues { get; init; }

    /// <inheritdoc/>
    public void FeedSerial()
    {
        lock (Bus.DeviceLock)
        {
            if (!_disposed && Console is not null) SerialInput.Offer(Console.Receive);
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        foreach (IoQueue queue in Queues) queue.CancelAndWait();
        lock (Bus.DeviceLock)
        {
            foreach (IDevice device in Devices) device.Reset();
        }
    }

    /// <inheritdoc/>
    public void EndWork()
    {
        foreach (IoQueue queue in Queues) queue.Close();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceState> Save()
    {
        lock (Bus.DeviceLock) return [.. Devices.Select(static device => device.Save())];
    }

    /// <inheritdoc/>
    public void Load(IReadOnlyList<DeviceState> saved)
    {
        lock (Bus.DeviceLock)
        {
            bool same = saved.Select(static state => state.Name).SequenceEqual(Devices.Select(static device => device.Name));
            InvalidState.Unless(same, "the board", "it has other devices");
            for (int i = 0; i < saved.Count; i++) Devices[i].Load(saved[i]);
            if (Pics is not null) Interrupts.ExternalLineChanged(Pics.Output);
        }
    }

    /// <summary>Stops timers and work, and lets go of all interrupt lines and outputs. Not with the device lock held.</summary>
    public void Dispose()
    {
        Clock.Dispose();
        foreach (IoQueue queue in Queues) Io.Remove(queue);
        lock (Bus.DeviceLock)
        {
            Output.Disconnect();
            foreach (InterruptLine line in Lines) line.Set(false);
            _disposed = true;
        }
    }
}
