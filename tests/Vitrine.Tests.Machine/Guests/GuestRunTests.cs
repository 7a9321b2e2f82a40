using System.Text;
using Vitrine.Accelerators.Software;
using Vitrine.Guests;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>Every small guest on every accelerator that is present, seen from outside: what it prints and how it ends.</summary>
public sealed class GuestRunTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<AcceleratorChoice, SoftwareEngine?, GuestProgram> Runs()
    {
        TheoryData<AcceleratorChoice, SoftwareEngine?, GuestProgram> runs = [];
        foreach (GuestProgram guest in GuestCatalog.All)
        {
            runs.Add(AcceleratorChoice.Soft, SoftwareEngine.Interpreter, guest);
            runs.Add(AcceleratorChoice.Soft, SoftwareEngine.Translator, guest);
            runs.Add(AcceleratorChoice.Kvm, null, guest);
        }

        return runs;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void GuestPrintsAndEndsAsItSays(AcceleratorChoice accelerator, SoftwareEngine? engine, GuestProgram guest)
    {
        if (engine is { } chosen) Engines.SkipUnlessPresent(chosen);
        PresentAccelerators.SkipUnlessPresent(accelerator, guest);
        StringBuilder serial = new();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = guest.ToBootSource(),
            MemoryBytes = 16 << 20,
            Accelerator = accelerator,
            Software = new SoftwareOptions { Engine = engine },
            ExitOnReset = true,
            SerialOutput = bytes => serial.Append(Encoding.Latin1.GetString(bytes)),
        });
        machine.Start();
        VmEnd? end = machine.Wait(Patience);
        if (end is null)
        {
            machine.Stop();
            Assert.Fail($"No end within {Patience}; serial so far: '{serial}'. {machine.Wait()!.Report}");
        }

        Assert.True(Expected(guest.End) == end.Reason, end.Report);
        if (guest.End == GuestEnd.DebugExit) Assert.True(guest.ExitValue == end.Value, $"exit value 0x{end.Value:x}, expected 0x{guest.ExitValue:x}; serial: {serial}");
        Assert.Equal(guest.Serial, serial.ToString());
    }

    private static VmEndReason Expected(GuestEnd end) => end switch
    {
        GuestEnd.DebugExit => VmEndReason.DebugExit,
        GuestEnd.PowerOff => VmEndReason.PowerOff,
        GuestEnd.Reset => VmEndReason.Reset,
        GuestEnd.TripleFault => VmEndReason.TripleFault,
        _ => throw new ArgumentOutOfRangeException(nameof(end), end, "A guest of the catalog ends by itself."),
    };
}
