using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_X86_SET_MCE (Documentation/virt/kvm/api.rst 4.106; SDM vol. 3, 16.3 and 16.7).</summary>
public sealed class MachineCheckTests
{
    private const ulong Valid = 1UL << 63;
    private const ulong Overflow = 1UL << 62;
    private const ulong Uncorrected = 1UL << 61;
    private const ulong Cr4Mce = 1UL << 6;
    private const uint GlobalStatus = 0x17A;
    private const uint Bank1Control = 0x404;

    [Fact]
    public unsafe void AnUncorrectedErrorRaisesItsException()
    {
        using KvmClient client = Start(cr4: Cr4Mce);
        Assert.Equal(0, Inject(client, Valid | Uncorrected | 7, address: 0x1234));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
        Assert.Equal(
            (Valid | Uncorrected | 7, 0x1234UL, 4UL), (ReadMsr(client, Bank1Control + 1), ReadMsr(client, Bank1Control + 2), ReadMsr(client, GlobalStatus)));
    }

    [Fact]
    public void ASecondOneWhileTheFirstIsHandledShutsDown()
    {
        using KvmClient client = Start(cr4: Cr4Mce);
        Assert.Equal(0, Inject(client, Valid | Uncorrected, address: 0));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0, Inject(client, Valid | Uncorrected, address: 0));
        Assert.Equal(KvmExit.KVM_EXIT_SHUTDOWN, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void AGuestThatHasNotAskedForThemShutsDown()
    {
        using KvmClient client = Start(cr4: 0);
        Assert.Equal(0, Inject(client, Valid | Uncorrected, address: 0));
        Assert.Equal(KvmExit.KVM_EXIT_SHUTDOWN, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void ABankThatIsOffReportsNothing()
    {
        using KvmClient client = Start(cr4: Cr4Mce);
        Assert.Equal(1, WriteMsr(client, Bank1Control, 0));
        Assert.Equal(0, Inject(client, Valid | Uncorrected, address: 0));
        Assert.Equal(0UL, ReadMsr(client, Bank1Control + 1));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x1001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
    }

    // The uncorrected error stays, and the bank says that there was another.
    [Fact]
    public void ACorrectedErrorLeavesAnUncorrectedOneWhereItIs()
    {
        using KvmClient client = Start(cr4: Cr4Mce);
        Assert.Equal(0, Inject(client, Valid | Uncorrected | 7, address: 0x1234));
        Assert.Equal(0, Inject(client, Valid | 9, address: 0x5678));
        Assert.Equal((Valid | Overflow | Uncorrected | 7, 0x1234UL), (ReadMsr(client, Bank1Control + 1), ReadMsr(client, Bank1Control + 2)));
    }

    // hlt; at 0x2000, where #MC leads: hlt
    private static KvmClient Start(ulong cr4)
    {
        KvmClient client = KvmClient.WithRealModeCode([0xF4]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(18 * 4)..], 0x2000u);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_X86_SETUP_MCE, 10UL));
        kvm_sregs sregs = client.Get<kvm_sregs>(client.Vcpu, KvmIoctl.KVM_GET_SREGS);
        sregs.cr4 = cr4;
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_SREGS, sregs));
        return client;
    }

    private static long Inject(KvmClient client, ulong status, ulong address) =>
        client.Set(client.Vcpu, KvmIoctl.KVM_X86_SET_MCE, new kvm_x86_mce { status = status, addr = address, mcg_status = 4, bank = 1 });

    private static ulong ReadMsr(KvmClient client, uint index)
    {
        OneMsr msrs = new() { Count = 1, Index = index };
        Assert.Equal(1, Call(client, KvmIoctl.KVM_GET_MSRS, ref msrs));
        return msrs.Data;
    }

    private static long WriteMsr(KvmClient client, uint index, ulong value)
    {
        OneMsr msrs = new() { Count = 1, Index = index, Data = value };
        return Call(client, KvmIoctl.KVM_SET_MSRS, ref msrs);
    }

    private static unsafe long Call(KvmClient client, uint request, ref OneMsr msrs)
    {
        // SAFETY: the structure stays where it is for the time of the call.
        fixed (OneMsr* pointer = &msrs) return client.Host.Ioctl(client.Vcpu, request, (ulong)pointer);
    }

    // struct kvm_msrs with one entry.
    private struct OneMsr
    {
        public uint Count;
        public uint Padding;
        public uint Index;
        public uint Reserved;
        public ulong Data;
    }
}
