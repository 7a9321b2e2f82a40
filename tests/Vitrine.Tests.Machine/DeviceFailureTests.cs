using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Devices.Io;
using Vitrine.Devices.Timing;
using Vitrine.Tests.Boards;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests;

/// <summary>A device with a defect ends its machine, with a report, on whichever thread the defect shows. The process and other machines live on.</summary>
public sealed class DeviceFailureTests
{
    private const int Port = 0x100;
    private const string Defect = "made up for a test";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    // mov dx, Port; out dx, al; jmp to itself
    private static readonly byte[] s_guest = [0xBA, Port & 0xFF, Port >> 8, 0xEE, 0xEB, 0xFE];

    [Fact]
    public void ARegisterThatThrowsEndsTheMachine() => EndsWithAReport(static _ => static _ => Throw());

    [Fact]
    public void ATimerThatThrowsEndsTheMachine() => EndsWithAReport(static board =>
    {
        IDeviceTimer timer = board.Clock.CreateTimer(Throw);
        return _ => timer.Arm(0);
    });

    [Fact]
    public void WorkThatThrowsEndsTheMachine() => EndsWithAReport(static board =>
    {
        IIoQueue queue = board.Queue("faulty", depth: 1, workers: 1);
        return _ => queue.TrySubmit(new Work(Throw, static () => { }));
    });

    [Fact]
    public void ACompletionThatThrowsEndsTheMachine() => EndsWithAReport(static board =>
    {
        IIoQueue queue = board.Queue("faulty", depth: 1, workers: 1);
        return _ => queue.TrySubmit(new Work(static () => { }, Throw));
    });

    /// <summary>As an endless transfer does, or a device that polls.</summary>
    [Fact]
    public void WorkThatGoesOnForEverDoesNotKeepTheMachineFromEnding()
    {
        MadeUpBoard model = new(board =>
        {
            IIoQueue queue = board.Queue("endless", depth: 1, workers: 1);
            Work? work = null;
            work = new Work(static () => { }, () => queue.TrySubmit(work!));
            board.Ports(Port, 1).Add(new ActingDevice(_ => queue.TrySubmit(work)));
        });
        using VirtualMachine machine = VirtualMachine.Create(Config(model));
        machine.Start();
        Assert.Null(machine.Wait(TimeSpan.FromMilliseconds(20)));
        machine.Stop();
        Assert.Equal(VmEndReason.Stopped, machine.Wait(s_patience)?.Reason);
    }

    private static void EndsWithAReport(Func<BoardBuilder, Action<uint>> device)
    {
        MadeUpBoard board = new(board => board.Ports(Port, 1).Add(new ActingDevice(device(board))));
        using VirtualMachine machine = VirtualMachine.Create(Config(board));
        machine.Start();
        VmEnd? end = machine.Wait(s_patience);
        Assert.Equal(VmEndReason.InternalError, end?.Reason);
        Assert.Contains($"Vitrine failed: {typeof(InvalidDataException).FullName}: {Defect}", end!.Report, StringComparison.Ordinal);
    }

    private static MachineConfig Config(BoardModel board) => new()
    {
        Board = board,
        Boot = new BootSource.FlatBytes(s_guest, new Gpa(0x8000), 0x8000, FlatMode.Real),
        MemoryBytes = 2 << 20,
        Accelerator = AcceleratorChoice.Soft,
    };

    private static void Throw() => throw new InvalidDataException(Defect);

    private sealed class Work(Action perform, Action complete) : IoRequest
    {
        protected internal override void Perform() => perform();

        protected internal override void Complete() => complete();
    }
}
