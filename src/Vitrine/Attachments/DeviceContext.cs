using Vitrine.Devices.Io;

namespace Vitrine.Attachments;

/// <summary>What a board gives to an attached device.</summary>
internal sealed record DeviceContext
{
    /// <summary>Number of processors.</summary>
    public required int Cpus { get; init; }

    /// <summary>Makes a queue for its work: name of the threads, depth, workers.</summary>
    public required Func<string, int, int, IIoQueue> Queue { get; init; }

    /// <summary>
    /// Lets something from outside take effect: calls it with the device lock held, at once or when the machine goes on. Any thread.
    /// </summary>
    public required Action<Action> Post { get; init; }

    /// <summary>Receives one line for the user.</summary>
    public required Action<string>? Notice { get; init; }
}
