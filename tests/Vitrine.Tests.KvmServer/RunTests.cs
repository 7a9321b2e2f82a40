using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_RUN and its exits, against Documentation/virt/kvm/api.rst.</summary>
public sealed class RunTests
{
    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void EachEngineServesWithItsOwnModel(SoftwareEngine engine)
    {
        // hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xF4], new KvmHostOptions { Cpu = new SoftwareOptions { Engine = engine } });
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void PortOutputIsDescribedAndTheGuestGoesOn()
    {
        // mov al, 'A'; out 0xE9, al; mov dx, 0x1234; mov eax, 0x11223344; out dx, eax; hlt
        using KvmClient client = KvmClient.WithRealModeCode(
            [0xB0, 0x41, 0xE6, 0xE9, 0xBA, 0x34, 0x12, 0x66, 0xB8, 0x44, 0x33, 0x22, 0x11, 0x66, 0xEF, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        kvm_run_io io = client.Page(client.Vcpu).io;
        Assert.Equal((KvmConstants.KVM_EXIT_IO_OUT, (byte)1, (ushort)0xE9, 1u, 4096UL), (io.direction, io.size, io.port, io.count, io.data_offset));
        Assert.Equal(0x41, client.PortData(client.Vcpu)[0]);

        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        io = client.Page(client.Vcpu).io;
        Assert.Equal(((byte)4, (ushort)0x1234), (io.size, io.port));
        Assert.Equal(0x11223344u, BitConverter.ToUInt32(client.PortData(client.Vcpu)));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void EachEngineRunsTheModelThatIsOfferedUnasked(SoftwareEngine engine)
    {
        Assert.SkipUnless(engine == SoftwareEngine.Interpreter || SoftwareAccelerator.HostHasTranslator, "machine code of another host");

        // mov eax, 7; xor ecx, ecx; cpuid; hlt
        using KvmClient client = KvmClient.WithRealModeCode(
            [0x66, 0xB8, 0x07, 0x00, 0x00, 0x00, 0x66, 0x31, 0xC9, 0x0F, 0xA2, 0xF4], new KvmHostOptions { Cpu = new SoftwareOptions { Engine = engine } });
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void PortInputTakesWhatTheClientAnswers()
    {
        // in al, 0x42; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal((byte)0, client.Page(client.Vcpu).io.direction);
        client.PortData(client.Vcpu)[0] = 0x5A;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x5AUL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rax & 0xFF);
    }

    [Fact]
    public unsafe void MemoryWithoutASlotIsTheClients()
    {
        // mov ax, 0xF000; mov ds, ax; mov al, [0x100]; inc al; mov [0x102], al; hlt
        using KvmClient client = KvmClient.WithRealModeCode(
            [0xB8, 0x00, 0xF0, 0x8E, 0xD8, 0xA0, 0x00, 0x01, 0xFE, 0xC0, 0xA2, 0x02, 0x01, 0xF4], null);
        kvm_userspace_memory_region gone = new() { slot = 0, userspace_addr = (ulong)client.Memory.Pointer };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, gone));
        gone.memory_size = 0x80000;
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, gone));

        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(client.Vcpu));
        ref kvm_run page = ref client.Page(client.Vcpu);
        Assert.Equal((0xF0100UL, 1u, (byte)0), (page.mmio.phys_addr, page.mmio.len, page.mmio.is_write));
        page.mmio.data[0] = 0x7F;
        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(client.Vcpu));
        Assert.Equal((0xF0102UL, 1u, (byte)1, (byte)0x80), (page.mmio.phys_addr, page.mmio.len, page.mmio.is_write, page.mmio.data[0]));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void ImmediateExitFinishesTheAccessBeforeIt()
    {
        // in al, 0x42; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.PortData(client.Vcpu)[0] = 0x33;
        client.Page(client.Vcpu).immediate_exit = 1;
        Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
        kvm_regs regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
        Assert.Equal((0x1002UL, 0x33UL), (regs.rip, regs.rax & 0xFF));
    }

    [Fact]
    public void AccessIsDroppedWhenTheClientMovesRip()
    {
        // in al, 0x42; hlt; in al, 0x43; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0xF4, 0xE4, 0x43, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.PortData(client.Vcpu)[0] = 0x33;
        kvm_regs regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
        regs.rip = 0x1003;
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_REGS, regs));
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal(0x43, client.Page(client.Vcpu).io.port);
    }

    [Fact]
    public void AccessSurvivesAPutOfTheSameRip()
    {
        // in al, 0x42; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE4, 0x42, 0xF4]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.PortData(client.Vcpu)[0] = 0x33;
        kvm_regs regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
        regs.rbx = 77;
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_REGS, regs));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
        Assert.Equal((0x33UL, 77UL), (regs.rax & 0xFF, regs.rbx));
    }

    [Fact]
    public void ARunThatEndsAtOnceSaysWhetherAnInterruptMayBeGiven()
    {
        // sti; nop; out 0x10, al; jmp $
        using KvmClient client = KvmClient.WithRealModeCode([0xFB, 0x90, 0xE6, 0x10, 0xEB, 0xFE]);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.Page(client.Vcpu).immediate_exit = 1;
        Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
        Assert.Equal((byte)1, client.Page(client.Vcpu).ready_for_interrupt_injection);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_INTERRUPT, new kvm_interrupt { irq = 0x20 }));
        Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
        Assert.Equal((byte)0, client.Page(client.Vcpu).ready_for_interrupt_injection);
    }

    [Fact]
    public void InterruptFromOutsideEndsALoop()
    {
        // jmp $
        using KvmClient client = KvmClient.WithRealModeCode([0xEB, 0xFE]);
        for (int i = 0; i < 20; i++)
        {
            Thread kicker = new(() =>
            {
                Thread.Sleep(5);
                client.Host.Interrupt(client.Vcpu);
            });
            kicker.Start();
            Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
            Assert.Equal(KvmExit.KVM_EXIT_INTR, client.Page(client.Vcpu).exit_reason);
            kicker.Join();
        }
    }

    [Fact]
    public void CodeThatTheClientWritesBetweenRunsIsExecuted()
    {
        // out 0x10, al; jmp $-2
        using KvmClient client = KvmClient.WithRealModeCode([0xE6, 0x10, 0xEB, 0xFC]);
        for (byte port = 0x10; port < 0x20; port++)
        {
            client.Bytes[0x1001] = port;
            kvm_regs regs = client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS);
            regs.rip = 0x1000;
            Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_REGS, regs));
            Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
            Assert.Equal(port, client.Page(client.Vcpu).io.port);
        }
    }
}
