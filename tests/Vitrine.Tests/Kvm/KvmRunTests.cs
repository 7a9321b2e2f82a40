using Vitrine.Accelerators;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Kvm;

public sealed class KvmRunTests
{
    [Fact]
    public void OutReachesTheRunLoop()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            a.mov(al, 0x5A);
            a.@out(0x80, al);
            a.hlt();
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal(VmExitReason.PortIo, exit.Reason);
        Assert.True(exit.IsWrite);
        Assert.Equal((0x80, 1, 1), (exit.Port, exit.Size, exit.Count));
        Assert.Equal([0x5A], exit.Data.ToArray());
    }
}
