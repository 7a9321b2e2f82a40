using System.Text;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Guests;
using Vitrine.State;
using Vitrine.Tests.Guests;
using Vitrine.Tests.Software;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.State;

/// <summary>A machine's captured state goes on in a new machine, and one that is damaged or another configuration's is refused.</summary>
public sealed class MachineStateTests
{
    private const int Letters = 3_000;
    private const int Restores = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly StringBuilder _serial = new();

    public static TheoryData<SoftwareEngine, GuestProgram> Ticking()
    {
        TheoryData<SoftwareEngine, GuestProgram> cases = [];
        foreach (SoftwareEngine engine in Enum.GetValues<SoftwareEngine>())
        {
            foreach (FlatMode mode in Enum.GetValues<FlatMode>())
            {
                cases.Add(engine, InterruptGuests.CountTicks(mode));
                cases.Add(engine, InterruptGuests.HaltUntilTick(mode));
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Ticking))]
    public void AGuestThatCountsInterruptsGoesOnInNewMachines(SoftwareEngine engine, GuestProgram guest)
    {
        Engines.SkipUnlessPresent(engine);
        MachineConfig config = Config(guest.ToBootSource()) with { Software = new SoftwareOptions { Engine = engine } };
        VmEnd end = RunInPieces(config, microseconds: 2_000);
        Assert.True(end.Reason == VmEndReason.DebugExit && end.Value == guest.ExitValue, end.Report);
    }

    [Theory]
    [InlineData(AcceleratorChoice.Soft)]
    [InlineData(AcceleratorChoice.Kvm)]
    public void NoLetterIsLostOrSentTwice(AcceleratorChoice accelerator)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        VmEnd end = RunInPieces(Config(LetterGuest()) with { Accelerator = accelerator, CpuModel = "x86-64-v1" }, microseconds: 5_000);
        Assert.True(end.Reason == VmEndReason.DebugExit && end.Value == 42, end.Report);
        Assert.Equal(new string('x', Letters), _serial.ToString());
    }

    [Fact]
    public void InputThatTheGuestHasNotTakenGoesWithIt()
    {
        using VirtualMachine machine = VirtualMachine.Create(Config(LetterGuest()));
        machine.SendSerial("typed ahead"u8);
        using VirtualMachine second = VirtualMachine.Restore(machine.Config, machine.Capture());
        Assert.Equal("typed ahead".Length, second.SerialBacklog);
    }

    [Fact]
    public void ACaptureOfTheRestoredMachineIsTheSame()
    {
        using VirtualMachine machine = VirtualMachine.Create(Config(LetterGuest(endless: true)));
        machine.Start();
        Assert.True(machine.WaitForSerial("x", Patience));
        machine.Pause();
        MachineState state = machine.Capture();
        using VirtualMachine second = VirtualMachine.Restore(machine.Config, state);
        Assert.Equal(state.ToJson(), second.Capture().ToJson());
        Assert.Equal(state.Memory.Size, second.Capture().Memory.Size);
    }

    [Fact]
    public void ARunningMachineHasNoStateToCapture()
    {
        BootSource jumpToItself = new BootSource.FlatBytes(new byte[] { 0xEB, 0xFE }, new Gpa(0x8000), 0x8000, FlatMode.Real);
        using VirtualMachine machine = VirtualMachine.Create(Config(jumpToItself));
        machine.Start();
        Assert.Throws<InvalidOperationException>(machine.Capture);
        machine.Stop();
        machine.Wait(Patience);
        Assert.Throws<InvalidOperationException>(machine.Capture);
    }

    [Fact]
    public void AnotherConfigurationIsRefused()
    {
        MachineConfig config = Config(LetterGuest());
        using VirtualMachine machine = VirtualMachine.Create(config);
        MachineState state = machine.Capture();
        (MachineConfig Config, string Named)[] others =
        [
            (config with { MemoryBytes = 32 << 20 }, "memory"),
            (config with { Cpus = 2 }, "number of CPUs"),
            (config with { CpuModel = "x86-64-v1" }, "CPU model"),
        ];
        Assert.All(others, other =>
        {
            VitrineException error = Assert.Throws<VitrineException>(() => VirtualMachine.Restore(other.Config, state));
            Assert.Contains($"machine's {other.Named} is", error.What, StringComparison.Ordinal);
        });
        Assert.Contains("board", Assert.Throws<VitrineException>(
            () => VirtualMachine.Restore(config, state with { Identity = state.Identity with { Board = "pc" } })).What, StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedStateIsRefusedOrDoesNoHarm()
    {
        MachineConfig config = Config(LetterGuest(endless: true));
        MachineState state;
        using (VirtualMachine machine = VirtualMachine.Create(config))
        {
            machine.Start();
            Assert.True(machine.WaitForSerial("x", Patience));
            machine.Pause();
            state = machine.Capture();
        }

        string json = state.ToJson();
        int refused = 0;
        for (int seed = 0; seed < 60; seed++)
        {
            try
            {
                MachineState damaged = MachineState.FromJson(JsonDamage.Apply(json, new Random(seed)), state.Memory);
                using VirtualMachine machine = VirtualMachine.Restore(config, damaged);
                machine.Start();
                machine.Wait(TimeSpan.FromMilliseconds(5));
            }
            catch (VitrineException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10, 59);
    }

    private MachineConfig Config(BootSource boot) => new()
    {
        Boot = boot,
        MemoryBytes = 16 << 20,
        Accelerator = AcceleratorChoice.Soft,
        SerialOutput = bytes => _serial.Append(Encoding.Latin1.GetString(bytes)),
    };

    // Runs a guest to its end in a machine after the other, each of which takes the state of the one before, as text, at a random time.
    private static VmEnd RunInPieces(MachineConfig config, int microseconds)
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        VirtualMachine machine = VirtualMachine.Create(config);
        try
        {
            for (int i = 0; i < Restores; i++)
            {
                machine.Start();
                if (machine.Wait(TimeSpan.FromMicroseconds(random.Next(microseconds))) is { } early) return early;
                machine.Pause();
                if (CaptureUnlessEnded(machine) is not { } state) return machine.Wait(Patience)!;
                machine.Dispose();
                machine = VirtualMachine.Restore(config, MachineState.FromJson(state.ToJson(), state.Memory));
            }

            machine.Start();
            VmEnd? last = machine.Wait(Patience);
            if (last is not null) return last;
            machine.Stop();
            return machine.Wait()!;
        }
        finally
        {
            machine.Dispose();
        }
    }

    // Null where the guest came to its end before the pause.
    private static MachineState? CaptureUnlessEnded(VirtualMachine machine)
    {
        try
        {
            return machine.Capture();
        }
        catch (InvalidOperationException) when (machine.Wait(Patience) is not null)
        {
            return null;
        }
    }

    // Sends a number of letters, then leaves with 42; or sends letters for ever.
    private static BootSource.FlatBytes LetterGuest(bool endless = false)
    {
        byte[] code =
        [
            0xB9, Letters & 0xFF, Letters >> 8, // mov cx, Letters
            0xBA, 0xF8, 0x03,                   // mov dx, 0x3F8
            0xB0, (byte)'x',                    // mov al, 'x'
            0xEE,                               // out dx, al
            (byte)(endless ? 0xEB : 0xE2), 0xFD, // jmp or loop to the out
            0xB0, 42,                           // mov al, 42
            0xE6, 0xF4,                         // out 0xF4, al
        ];
        return new BootSource.FlatBytes(code, new Gpa(0x8000), 0x8000, FlatMode.Real);
    }
}
