using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>A machine gets its second vCPU when the first is in the middle of something.</summary>
public sealed class GrowthTests
{
    private const byte Vector = 0x20;

    [Fact]
    public void APortThatIsBeingReadIsAnsweredAfterwards()
    {
        // in al, 0x42; mov ah, al; in al, 0x43; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0x88, 0xC4, 0xE4, 0x43, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.AddVcpu(1);
        client.PortData(client.Vcpu)[0] = 0x5A;
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal(0x43, client.Page(client.Vcpu).io.port);
        client.PortData(client.Vcpu)[0] = 0x77;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x5A77UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rax & 0xFFFF);
    }

    [Fact]
    public void AnAccessIsDroppedAfterwardsToo()
    {
        // in al, 0x42; hlt; in al, 0x43; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0xF4, 0xE4, 0x43, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.AddVcpu(1);
        kvm_regs regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
        regs.rip = 0x1003;
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_REGS, regs));
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal(0x43, client.Page(client.Vcpu).io.port);
    }

    // The second access of an instruction: the first has been answered, and is not made again.
    [Fact]
    public unsafe void AnInstructionGoesOnBehindItsFirstAccess()
    {
        // mov ax, 0xF000; mov ds, ax; xchg [0x100], bx; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xB8, 0x00, 0xF0, 0x8E, 0xD8, 0x87, 0x1E, 0x00, 0x01, 0xF4]);
        kvm_userspace_memory_region gone = new() { slot = 0, userspace_addr = (ulong)client.Memory.Pointer };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, gone));
        gone.memory_size = 0x80000;
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, gone));
        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(client.Vcpu));
        ref kvm_run page = ref client.Page(client.Vcpu);
        Assert.Equal((byte)0, page.mmio.is_write);
        page.mmio.data[0] = 0x34;
        page.mmio.data[1] = 0x12;
        client.AddVcpu(1);
        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(client.Vcpu));
        Assert.Equal((0xF0100UL, 2u, (byte)1), (page.mmio.phys_addr, page.mmio.len, page.mmio.is_write));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x1234UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rbx & 0xFFFF);
    }

    [Fact]
    public void AnInterruptThatWaitsIsDeliveredAfterwards()
    {
        // out 0x10, al; sti; nop; jmp $; at 0x2000, where the vector leads: hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE6, 0x10, 0xFB, 0x90, 0xEB, 0xFE]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(Vector * 4)..], 0x2000u);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_INTERRUPT, new kvm_interrupt { irq = Vector }));
        client.AddVcpu(1);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
    }

    [Fact]
    public unsafe void AnExceptionThatTheClientHasPutIsDeliveredAfterwards()
    {
        // hlt; at 0x2000, where #UD leads: hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xF4]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(6 * 4)..], 0x2000u);
        kvm_vcpu_events events = client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS);
        events.exception.injected = 1;
        events.exception.nr = 6;
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, events));
        client.AddVcpu(1);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
    }

    [Fact]
    public void WhatItHasDoneBeforeCounts()
    {
        // mov cx, 1000; loop $; hlt; hlt
        KvmHostOptions options = new() { Cpu = new SoftwareOptions { Engine = SoftwareEngine.Interpreter } };
        using KvmClient client = KvmClient.WithRealModeCode([0xB9, 0xE8, 0x03, 0xE2, 0xFE, 0xF4, 0xF4], options);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        client.AddVcpu(1);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        CpuStatistics statistics = client.Host.Statistics[0].Value;
        Assert.Equal((1003UL, 1), (statistics.InterpretedInstructions, statistics.Vcpus));
    }
}
