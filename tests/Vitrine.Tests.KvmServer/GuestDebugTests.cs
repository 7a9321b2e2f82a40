using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_SET_GUEST_DEBUG (Documentation/virt/kvm/api.rst 4.88).</summary>
public sealed class GuestDebugTests
{
    private const uint Steps = KvmConstants.KVM_GUESTDBG_ENABLE | KvmConstants.KVM_GUESTDBG_SINGLESTEP;
    private const byte Vector = 0x20;

    // As QEMU's debugger stub does between two steps: it reads the whole state and puts it back.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BlockedInterruptsWaitWhileItIsStepped(bool putsEvents)
    {
        // sti; nop; nop; nop; nop; nop; jmp $; at 0x2000, where the vector leads: hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xFB, 0x90, 0x90, 0x90, 0x90, 0x90, 0xEB, 0xFE]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(Vector * 4)..], 0x2000u);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_GUEST_DEBUG, new kvm_guest_debug { control = Steps | KvmConstants.KVM_GUESTDBG_BLOCKIRQ }));
        for (ulong rip = 0x1001; rip <= 0x1005; rip++)
        {
            Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
            Assert.Equal(rip, client.Page(client.Vcpu).debug.arch.pc);
            if (rip == 0x1002) Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_INTERRUPT, new kvm_interrupt { irq = Vector }));
            if (!putsEvents) continue;
            kvm_vcpu_events events = client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS);
            Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, events));
        }

        Assert.Equal((byte)0, client.Page(client.Vcpu).ready_for_interrupt_injection);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_GUEST_DEBUG, default(kvm_guest_debug)));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
    }

    [Fact]
    public void AStepMayTakeAnInterruptThatIsNotBlocked()
    {
        // sti; nop; nop; at 0x2000, where the vector leads: hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xFB, 0x90, 0x90]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(Vector * 4)..], 0x2000u);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_GUEST_DEBUG, new kvm_guest_debug { control = Steps }));
        Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
        Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
        Assert.Equal(0x1002UL, client.Page(client.Vcpu).debug.arch.pc);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_INTERRUPT, new kvm_interrupt { irq = Vector }));
        Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2000UL, client.Page(client.Vcpu).debug.arch.pc);
    }

    // The step ends with the instruction that the access belongs to; the debugger hears of it before a signal does.
    [Fact]
    public void AnAccessThatIsFinishedAtOnceEndsTheStep()
    {
        // in al, 0x42; nop; nop; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0x90, 0x90, 0xF4]);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_GUEST_DEBUG, new kvm_guest_debug { control = Steps }));
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.PortData(client.Vcpu)[0] = 0x33;
        client.Page(client.Vcpu).immediate_exit = 1;
        Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
        Assert.Equal(0x1002UL, client.Page(client.Vcpu).debug.arch.pc);
        Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
        client.Page(client.Vcpu).immediate_exit = 0;
        Assert.Equal(KvmExit.KVM_EXIT_DEBUG, client.RunToExit(client.Vcpu));
        Assert.Equal(0x1003UL, client.Page(client.Vcpu).debug.arch.pc);
        Assert.Equal(0x33UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rax & 0xFF);
    }
}
