using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>MSR_KVM_WALL_CLOCK_NEW as clients put it (Documentation/virt/kvm/x86/msr.rst).</summary>
public sealed unsafe class WallClockTests
{
    // SAFETY: the list is on the stack for the time of the call.
    private const uint WallClock = 0x4B56_4D00;

    [Theory]
    [InlineData(0x4000UL, true)]
    [InlineData(0UL, false)]
    public void TimeIsWrittenWhereThereIsAnAddress(ulong address, bool isWritten)
    {
        // hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xF4]);
        OneRegister list = new() { Count = 1, Index = WallClock, Value = address };
        Assert.Equal(1, client.Host.Ioctl(client.Vcpu, KvmIoctl.KVM_SET_MSRS, (ulong)&list));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(isWritten, client.Bytes.Slice((int)address, 12).ContainsAnyExcept((byte)0));
    }

    // struct kvm_msrs with one entry.
    private struct OneRegister
    {
        public uint Count;
        public uint Padding;
        public uint Index;
        public uint Reserved;
        public ulong Value;
    }
}
