using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_CAP_SYNC_REGS (Documentation/virt/kvm/api.rst 7.5): registers travel in the page of the vCPU.</summary>
public sealed class SharedRegisterTests
{
    private const ulong General = 1;
    private const ulong Special = 2;
    private const ulong Events = 4;

    [Fact]
    public void RegistersAreTakenBeforeAndGivenBehindARun()
    {
        // inc ax; out 0x10, al; jmp $-3; at 0x2000 the same
        byte[] code = [0x40, 0xE6, 0x10, 0xEB, 0xFB];
        using KvmClient client = KvmClient.WithRealModeCode(code);
        code.CopyTo(client.Bytes[0x2000..]);
        Assert.Equal(7, client.Host.Ioctl(client.Vm, KvmIoctl.KVM_CHECK_EXTENSION, KvmCap.KVM_CAP_SYNC_REGS));
        ref kvm_run page = ref client.Page(client.Vcpu);
        page.kvm_valid_regs = General | Special | Events;
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal((0x1001UL, 1UL), (page.s.regs.regs.rip, page.s.regs.regs.rax & 0xFFFF));
        Assert.Equal(client.Get<kvm_sregs>(client.Vcpu, KvmIoctl.KVM_GET_SREGS).cs.selector, page.s.regs.sregs.cs.selector);

        page.s.regs.regs.rip = 0x1000;
        page.s.regs.regs.rax = 41;
        page.s.regs.sregs.cs.@base = 0x1000;
        page.kvm_dirty_regs = General | Special;
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal((42, 0UL), (client.PortData(client.Vcpu)[0], page.kvm_dirty_regs));
        Assert.Equal((0x1001UL, 0x1000UL), (page.s.regs.regs.rip, page.s.regs.sregs.cs.@base));

        // Without the bit nothing is given.
        page.kvm_valid_regs = 0;
        page.s.regs.regs.rax = 7;
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Equal((43, 7UL), (client.PortData(client.Vcpu)[0], page.s.regs.regs.rax));
    }

    [Fact]
    public void UnknownBitsAndImpossibleRegistersAreRefused()
    {
        using KvmClient client = KvmClient.WithRealModeCode([0xF4]);
        ref kvm_run page = ref client.Page(client.Vcpu);
        page.kvm_valid_regs = 8;
        Assert.Equal(-Errno.EINVAL, client.Run(client.Vcpu));
        (page.kvm_valid_regs, page.kvm_dirty_regs) = (0, 1UL << 63);
        Assert.Equal(-Errno.EINVAL, client.Run(client.Vcpu));
        page.kvm_dirty_regs = Special;
        page.s.regs.sregs.cr0 = 1UL << 31;
        Assert.Equal(-Errno.EINVAL, client.Run(client.Vcpu));
        page.kvm_dirty_regs = 0;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }
}
