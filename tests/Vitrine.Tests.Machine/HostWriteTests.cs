using Iced.Intel;
using Vitrine.Boot;
using Vitrine.Memory;
using Vitrine.Tests.Stepping;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Machine;

/// <summary>Writes through the library to a machine that runs.</summary>
public sealed class HostWriteTests
{
    /// <summary>A branch to itself, warm in every cache, becomes one to the next instruction by one store of one byte.</summary>
    [Theory]
    [InlineData(AcceleratorChoice.Soft, FlatMode.Real)]
    [InlineData(AcceleratorChoice.Soft, FlatMode.Protected)]
    [InlineData(AcceleratorChoice.Kvm, FlatMode.Real)]
    public void ALoopInARunningGuestEndsWhenItIsOverwritten(AcceleratorChoice accelerator, FlatMode mode)
    {
        using SteppedCode guest = new(accelerator, mode, static a =>
        {
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.jmp(loop);
            a.mov(al, 3);
            a.@out(0xF4, al);
        });
        guest.Machine.Start();
        Assert.Null(guest.Machine.Wait(TimeSpan.FromMilliseconds(50)));
        Assert.True(guest.Machine.Memory.TryWrite(new Gpa(SteppedCode.Entry + 1), [0]));
        VmEnd? end = guest.Machine.Wait(SteppedCode.Patience);
        Assert.Equal((VmEndReason.DebugExit, 3u), (end!.Reason, end.Value));
    }

    /// <summary>A write to code, and a region that comes and goes, while the machine is disposed: either they are done or they are refused.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void MemoryMayBeUsedWhileTheMachineGoes(int cpus)
    {
        for (int i = 0; i < 8; i++)
        {
            VirtualMachine machine = VirtualMachine.Create(new MachineConfig
            {
                Boot = new BootSource.FlatBytes(new byte[] { 0xEB, 0xFE }, new Gpa(0x8000), 0x8000, FlatMode.Real),
                MemoryBytes = 2 << 20,
                Cpus = cpus,
                Accelerator = AcceleratorChoice.Soft,
            });
            MemoryRegion region = machine.Memory.AddRegion("moves", new Gpa(0x10_0000), 0x1000, priority: 1, mapped: false);
            Thread[] users =
            [
                new(() =>
                {
                    while (machine.Memory.TryWrite(new Gpa(0x8000), [0xEB]))
                    {
                    }
                }),
                new(() =>
                {
                    while (region.TryMap()) region.Unmap();
                }),
            ];
            machine.Start();
            foreach (Thread user in users) user.Start();
            Assert.Null(machine.Wait(TimeSpan.FromMilliseconds(5)));
            machine.Dispose();
            foreach (Thread user in users) user.Join();
        }
    }
}
