using System.Text;
using Vitrine.Accelerators.Software;
using Vitrine.Guests;
using Vitrine.Tests.Guests;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Stepping;

/// <summary>A guest that is stepped to its end does what it does when it runs.</summary>
public sealed class GuestStepTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [MemberData(nameof(GuestRunTests.Runs), MemberType = typeof(GuestRunTests))]
    public void SteppedToItsEndItPrintsAndEndsAsItSays(AcceleratorChoice accelerator, SoftwareEngine? engine, GuestProgram guest)
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
        StepReport report = machine.StepUntil(static _ => false, timeout: Patience);
        Assert.True(report.Outcome == StepOutcome.Ended, $"{report}; serial so far: '{serial}'");
        Assert.Equal(guest.Serial, serial.ToString());
        Assert.Equal(guest.End.ToString(), report.End!.Reason.ToString());
        if (guest.End != GuestEnd.DebugExit) return;

        // So slow a guest may find more ticks counted than it waited for.
        if (guest.Name == "count-ticks") Assert.InRange(report.End.Value, guest.ExitValue, 0xFFu);
        else Assert.Equal(guest.ExitValue, report.End.Value);
    }
}
