using Vitrine.Boards;
using Vitrine.Devices.Interrupts;
using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.Tests.Boards;

/// <summary>A board without processors.</summary>
internal static class BareBoard
{
    /// <summary>Makes a board; the caller disposes it.</summary>
    public static IBoard Create(BoardModel model, ulong memoryBytes = 64 << 20, int cpus = 1) => model.Create(new BoardContext
    {
        Memory = model.MapMemory(memoryBytes),
        Cpus = cpus,
        DeviceLock = new Lock(),
        Clock = new MachineClock(),
        Interrupts = new NoProcessors(),
        SerialInput = new SerialInput(),
        SerialOutput = Discard,
        DebugOutput = Discard,
    });

    /// <summary>What a board's guest is told of it.</summary>
    public static BoardDescription Describe(BoardModel model, ulong memoryBytes = 64 << 20, int cpus = 1)
    {
        using IBoard board = Create(model, memoryBytes, cpus);
        return board.Description;
    }

    private static void Discard(ReadOnlySpan<byte> bytes)
    {
    }

    private sealed class NoProcessors : IInterruptFabric
    {
        public bool InAccelerator => false;

        public IInterruptSink AcceleratorLines => throw new NotSupportedException();

        public void Connect(PicPair pics, Lock deviceLock)
        {
        }

        public void ExternalLineChanged(bool level)
        {
        }

        public void Send(ulong address, uint data)
        {
        }
    }
}
