using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.Boards;

/// <summary>What a machine gives to its board. All of it outlives the board, which is made anew at each reset.</summary>
internal sealed record BoardContext
{
    /// <summary>The guest's memory.</summary>
    public required MemoryLayout Memory { get; init; }

    /// <summary>Number of processors.</summary>
    public required int Cpus { get; init; }

    /// <summary>The machine's device lock.</summary>
    public required Lock DeviceLock { get; init; }

    /// <summary>The machine's time.</summary>
    public required MachineClock Clock { get; init; }

    /// <summary>The way to the local APICs.</summary>
    public required IInterruptFabric Interrupts { get; init; }

    /// <summary>What waits for the first serial port.</summary>
    public required SerialInput SerialInput { get; init; }

    /// <summary>Receives what the first serial port sends, with the device lock held.</summary>
    public required Action<ReadOnlySpan<byte>> SerialOutput { get; init; }

    /// <summary>Receives what firmware writes to the debug console, with the device lock held.</summary>
    public required Action<ReadOnlySpan<byte>> DebugOutput { get; init; }
}
