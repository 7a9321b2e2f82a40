using Vitrine.Boot;
using Vitrine.Guests;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>Guests that start other processors, on every accelerator that is present.</summary>
public sealed class ProcessorGuestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(AcceleratorChoice.Soft, 2)]
    [InlineData(AcceleratorChoice.Soft, 4)]
    [InlineData(AcceleratorChoice.Soft, 8)]
    [InlineData(AcceleratorChoice.Kvm, 2)]
    [InlineData(AcceleratorChoice.Kvm, 4)]
    public void TheBootProcessorStartsTheOthers(AcceleratorChoice accelerator, int cpus) => Run(accelerator, cpus, ProcessorGuests.StartOthers(cpus));

    [Theory]
    [InlineData(AcceleratorChoice.Soft, 3)]
    [InlineData(AcceleratorChoice.Kvm, 2)]
    public void AResetStopsTheOthers(AcceleratorChoice accelerator, int cpus) => Run(accelerator, cpus, ProcessorGuests.ResetWhileOthersRun(cpus));

    /// <summary>Processors that were never started don't keep a machine alive whose boot processor has halted for good.</summary>
    [Fact]
    public void AHaltOfTheOnlyProcessorThatRanEndsTheMachine()
    {
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(new byte[] { 0xFA, 0xF4 }, GuestProgram.Address, GuestProgram.Address.Value, FlatMode.Real),
            MemoryBytes = 16 << 20,
            Cpus = 3,
            Accelerator = AcceleratorChoice.Soft,
        });
        machine.Start();
        Assert.Equal(VmEndReason.HaltForever, machine.Wait(Patience)?.Reason);
    }

    private static void Run(AcceleratorChoice accelerator, int cpus, GuestProgram guest)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator, guest);
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = guest.ToBootSource(),
            MemoryBytes = 16 << 20,
            Cpus = cpus,
            Accelerator = accelerator,
        });
        machine.Start();
        VmEnd? end = machine.Wait(Patience);
        if (end is null)
        {
            machine.Stop();
            Assert.Fail($"No end within {Patience}. {machine.Wait()!.Report}");
        }

        Assert.True(end.Reason == VmEndReason.DebugExit, end.Report);
        Assert.Equal(guest.ExitValue, end.Value);
    }
}
