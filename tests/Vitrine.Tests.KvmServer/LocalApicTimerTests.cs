using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>A local APIC that is put into a vCPU goes on where it was, as after a migration.</summary>
public sealed unsafe class LocalApicTimerTests
{
    // SAFETY: the register page is indexed within its length.
    private const uint Halted = 3;
    private const int Spurious = 0xF0;
    private const int TimerEntry = 0x320;
    private const int InitialCount = 0x380;
    private const int CurrentCount = 0x390;
    private const int Divider = 0x3E0;
    private const byte Vector = 0xEC;

    [Theory]
    [InlineData(200_000u, 200_000u, true)]
    [InlineData(200_000u, 100_000u, true)]
    [InlineData(200_000u, 100_000u, false)]
    [InlineData(200_000u, 0u, true)]
    [InlineData(4_000_000_000u, 0u, true)]
    public void TimerThatIsPutWakesTheVcpu(uint initial, uint current, bool halted)
    {
        // At 0x1000: sti; hlt; jmp $-1. The handler at 0x2000: out 0x99, al; hlt; iret. EOI is not needed for one interrupt.
        using KvmClient client = new();
        client.AddMemory();
        ((ReadOnlySpan<byte>)[0xFB, 0xF4, 0xEB, 0xFD]).CopyTo(client.Bytes[0x1000..]);
        ((ReadOnlySpan<byte>)[0xE6, 0x99, 0xCF]).CopyTo(client.Bytes[0x2000..]);
        BitConverter.TryWriteBytes(client.Bytes[(4 * Vector)..], 0x2000u);
        Assert.Equal(0, client.Host.Ioctl(client.Vm, KvmIoctl.KVM_CREATE_IRQCHIP, 0));
        int vcpu = client.AddVcpu(0);
        client.StartRealMode(vcpu, 0x1000);
        kvm_lapic_state lapic = client.Get<kvm_lapic_state>(vcpu, KvmIoctl.KVM_GET_LAPIC);
        Register(ref lapic, Spurious, 0x1FF);
        Register(ref lapic, TimerEntry, Vector);
        Register(ref lapic, Divider, 3);
        Register(ref lapic, InitialCount, initial);
        Register(ref lapic, CurrentCount, current);
        Assert.Equal(0, client.Set(vcpu, KvmIoctl.KVM_SET_LAPIC, lapic));
        if (halted)
        {
            kvm_regs regs = client.Get<kvm_regs>(vcpu, KvmIoctl.KVM_GET_REGS);
            regs.rip = 0x1002;
            regs.rflags |= 0x200;
            Assert.Equal(0, client.Set(vcpu, KvmIoctl.KVM_SET_REGS, regs));
            Assert.Equal(0, client.Set(vcpu, KvmIoctl.KVM_SET_MP_STATE, new kvm_mp_state { mp_state = Halted }));
        }

        using Timer limit = new(_ => client.Host.Interrupt(vcpu), null, 10_000, Timeout.Infinite);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(vcpu));
        Assert.Equal(0x99, client.Page(vcpu).io.port);
    }

    private static void Register(ref kvm_lapic_state lapic, int offset, uint value)
    {
        fixed (byte* registers = lapic.regs) *(uint*)(registers + offset) = value;
    }
}
