using System.Text;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Vitrine.Boot;
using Vitrine.Guests;
using Xunit;

namespace Vitrine.Tests.Software.Lockstep;

/// <summary>Every small guest of 32-bit and 64-bit code in lockstep: interrupts, page faults, rings, changes of mode, self-made page tables.</summary>
public sealed class LockstepGuestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public static TheoryData<GuestProgram, MmuMode> Guests
    {
        get
        {
            TheoryData<GuestProgram, MmuMode> data = [];
            foreach (GuestProgram guest in GuestCatalog.All.Where(static guest => guest.Mode != FlatMode.Real))
            {
                foreach (MmuMode mmu in Enum.GetValues<MmuMode>()) data.Add(guest, mmu);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public void BothEnginesAgreeAtEveryBlockAndTheGuestEndsAsItSays(GuestProgram guest, MmuMode mmu)
    {
        StringBuilder serial = new();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = guest.ToBootSource(),
            MemoryBytes = 16 << 20,
            Accelerator = AcceleratorChoice.Soft,
            ExitOnReset = true,
            Software = new SoftwareOptions { Lockstep = true, Mmu = mmu },
            SerialOutput = bytes => serial.Append(Encoding.Latin1.GetString(bytes)),
        });
        machine.Start();
        VmEnd? end = machine.Wait(Patience);
        if (end is null)
        {
            machine.Stop();
            Assert.Fail($"No end within {Patience}; serial so far: '{serial}'. {machine.Wait()!.Report}");
        }

        Assert.True(end.Reason.ToString() == guest.End.ToString(), end.Report);
        if (guest.End == GuestEnd.DebugExit) Assert.Equal(guest.ExitValue, end.Value);
        Assert.Equal(guest.Serial, serial.ToString());
        TranslationStatistics translation = machine.GetStatistics()!.Translation!;
        Assert.InRange(translation.BlocksCompared, 1u, ulong.MaxValue);
    }
}
