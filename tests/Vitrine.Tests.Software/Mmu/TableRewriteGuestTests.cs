using System.Text;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Guests;
using Xunit;

namespace Vitrine.Tests.Software.Mmu;

/// <summary>The guests that rewrite their page tables, with each MMU of the software CPU.</summary>
public sealed class TableRewriteGuestTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    public static TheoryData<MmuMode, SoftwareEngine, GuestProgram> Runs()
    {
        TheoryData<MmuMode, SoftwareEngine, GuestProgram> runs = [];
        foreach ((MmuMode mode, SoftwareEngine engine) in MmuModes.WithEngines.Select(row => row.Data))
        {
            runs.Add(mode, engine, TableRewriteGuests.Rewrite());
            runs.Add(mode, engine, TableRewriteGuests.RewriteWithPcids());
        }

        return runs;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void EachCaseIsOk(MmuMode mode, SoftwareEngine engine, GuestProgram guest)
    {
        Engines.SkipUnlessPresent(engine);
        StringBuilder serial = new();
        using VirtualMachine machine = VirtualMachine.Create(MmuModes.Configure(mode, engine, new MachineConfig
        {
            Boot = guest.ToBootSource(),
            MemoryBytes = 16 << 20,
            Accelerator = AcceleratorChoice.Soft,
            SerialOutput = bytes => serial.Append(Encoding.Latin1.GetString(bytes)),
        }));
        machine.Start();
        VmEnd? end = machine.Wait(_patience);
        Assert.Equal(guest.Serial, serial.ToString());
        Assert.Equal(VmEndReason.DebugExit, end?.Reason);
    }
}
