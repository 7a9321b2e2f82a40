using Iced.Intel;
using Vitrine.Boot;
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
}
