using System.Diagnostics;
using Vitrine.Boot;
using Vitrine.Guests;
using Vitrine.Tests.Timing;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>The machine's time is one, stands still while the machine is held, and can be driven by hand; so does what comes from outside.</summary>
public sealed class MachineTimeTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ManualClockSource _time = new();
    private VirtualMachine? _machine;
    private long _sent;

    [Fact]
    public void TheTimeStampCounterStandsStillWhileTheMachineIsHeldAndGoesOnWithoutAJump()
    {
        // mov al, 'x'; mov dx, 0x3F8; out dx, al; jmp to the out
        VirtualMachine machine = Create(Flat([0xB0, (byte)'x', 0xBA, 0xF8, 0x03, 0xEE, 0xEB, 0xFD]));
        ulong begin = TimeStamp(machine);
        _time.Advance(1_000_000);
        Assert.Equal(begin, TimeStamp(machine));
        machine.Start();
        _time.Advance(500);
        Assert.True(machine.WaitForSerial("x", Patience));
        machine.Pause();
        Assert.Equal(begin + 500, TimeStamp(machine));
        _time.Advance(1_000_000);
        Assert.Equal(begin + 500, TimeStamp(machine));

        // A pause returns when everything sent has been read: what comes now was sent after it.
        long before = Volatile.Read(ref _sent);
        machine.Resume();
        _time.Advance(30);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _sent) > before, Patience));
        machine.Pause();
        Assert.Equal(begin + 530, TimeStamp(machine));
    }

    [Fact]
    public void TimersOfDevicesFollowWhateverDrivesTheTime()
    {
        VirtualMachine machine = Create(InterruptGuests.HaltUntilTick(FlatMode.Real).ToBootSource());
        machine.Start();
        Assert.Null(machine.Wait(TimeSpan.FromMilliseconds(100)));
        Stopwatch watch = Stopwatch.StartNew();
        VmEnd? end;
        do
        {
            _time.Advance(1_000_000);
            end = machine.Wait(TimeSpan.FromMilliseconds(1));
        }
        while (end is null && watch.Elapsed < Patience);
        Assert.Equal((VmEndReason.DebugExit, 10u), (end?.Reason, end?.Value));
    }

    [Fact]
    public void SerialInputWaitsWhileTheMachineIsHeld()
    {
        // Without FIFOs, as after power-on, the port takes one byte.
        VirtualMachine machine = Create(Flat([0xEB, 0xFE])); // jmp to itself
        machine.SendSerial("ab"u8);
        machine.SendSerial("c"u8);
        Assert.Equal(3, machine.SerialBacklog);
        machine.Start();
        Assert.Equal(2, machine.SerialBacklog);
    }

    public void Dispose() => _machine?.Dispose();

    private static ulong TimeStamp(VirtualMachine machine) => machine.ReadState(0).Msrs[Msr.IA32_TIME_STAMP_COUNTER];

    private static BootSource.FlatBytes Flat(byte[] code) => new(code, new Gpa(0x8000), 0x8000, FlatMode.Real);

    private VirtualMachine Create(BootSource boot) => _machine = VirtualMachine.Create(new MachineConfig
    {
        Boot = boot,
        MemoryBytes = 16 << 20,
        Accelerator = AcceleratorChoice.Soft,
        ClockSource = _time,
        SerialOutput = bytes => Interlocked.Add(ref _sent, bytes.Length),
    });
}
