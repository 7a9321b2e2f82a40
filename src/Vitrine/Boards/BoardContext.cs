using Vitrine.Attachments;
using Vitrine.Devices.Io;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.Boards;

/// <summary>What a machine gives to its board.</summary>
internal sealed record BoardContext
{
    /// <summary>The guest's memory.</summary>
    public required MemoryLayout Memory { get; init; }

    /// <summary>Number of processors.</summary>
    public required int Cpus { get; init; }

    /// <summary>The guest's memory, for devices that read and write it.</summary>
    public required IGuestMemory GuestMemory { get; init; }

    /// <summary>The devices that the user wants beside the board's own.</summary>
    public required IReadOnlyList<DeviceConfig> Attached { get; init; }

    /// <summary>Lets something from outside take effect: calls it with the device lock held, at once or when the machine goes on.</summary>
    public required Action<Action> Post { get; init; }

    /// <summary>Receives a line for the user.</summary>
    public required Action<string>? Notice { get; init; }

    /// <summary>The machine's device lock.</summary>
    public required Lock DeviceLock { get; init; }

    /// <summary>The machine's time.</summary>
    public required MachineClock Clock { get; init; }

    /// <summary>The way to the local APICs.</summary>
    public required IInterruptFabric Interrupts { get; init; }

    /// <summary>What waits for the first serial port.</summary>
    public required SerialInput SerialInput { get; init; }

    /// <summary>What the ports below lead to: while its readers lag too far, a vCPU that writes on waits.</summary>
    public required BufferedOutput Output { get; init; }

    /// <summary>Receives what the first serial port sends.</summary>
    public required IByteSink SerialOutput { get; init; }

    /// <summary>Receives what firmware writes to the debug console.</summary>
    public required IByteSink DebugOutput { get; init; }

    /// <summary>Where the work of devices is done.</summary>
    public required IoCompletions Io { get; init; }

    /// <summary>Told of an exception that a device's timer has thrown, with no lock held.</summary>
    public required Action<Exception> Failed { get; init; }
}
