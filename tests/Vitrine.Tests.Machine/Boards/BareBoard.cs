using Vitrine.Attachments;
using Vitrine.Boards;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Io;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.Timing;

namespace Vitrine.Tests.Boards;

/// <summary>A board without processors.</summary>
internal static class BareBoard
{
    /// <summary>Makes a board; the caller disposes it.</summary>
    public static IBoard Create(BoardModel model, ulong memoryBytes = 64 << 20, int cpus = 1, IReadOnlyList<DeviceConfig>? attached = null)
    {
        Lock deviceLock = new();
        IoCompletions io = new(deviceLock, input => Enter(deviceLock, input), static _ => { });
        BufferedOutput output = new(io.CreateQueue("output", 1, 1));
        return model.Create(new BoardContext
        {
            Memory = model.MapMemory(memoryBytes),
            Cpus = cpus,
            GuestMemory = new GuestMemory().ForDevices,
            Attached = attached ?? [],
            Post = input => Enter(deviceLock, input),
            Notice = null,
            DeviceLock = deviceLock,
            Clock = new MachineClock(),
            Interrupts = new NoProcessors(),
            SerialInput = new SerialInput(),
            Output = output,
            SerialOutput = output.AddPort(reader: null),
            DebugOutput = output.AddPort(reader: null),
            Io = io,
            Failed = static _ => { },
        });
    }

    /// <summary>What a board's guest is told of it.</summary>
    public static BoardDescription Describe(BoardModel model, ulong memoryBytes = 64 << 20, int cpus = 1)
    {
        using IBoard board = Create(model, memoryBytes, cpus);
        return board.Description;
    }

    private static void Enter(Lock deviceLock, Action input)
    {
        lock (deviceLock) input();
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

        public int Send(ulong address, uint data) => 1;
    }
}
