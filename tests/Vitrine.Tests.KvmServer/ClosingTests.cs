using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>Descriptors are closed while what they stand for is in use: close(2) takes the number, and the object ends when nobody uses it any more.</summary>
public sealed unsafe class ClosingTests
{
    // SAFETY: the attention block is never freed, and the words that it points to are there until the vCPU has left KVM_RUN, which is waited for.
    private const uint CoalescedAddress = 0xF0000;

    [Fact]
    public void AVcpuRunsOnUntilItsCallIsOver()
    {
        // jmp $
        using KvmClient client = KvmClient.WithRealModeCode([0xEB, 0xFE]);
        int vcpu = client.Vcpu;
        ulong number = Find(client.Host, vcpu);
        AttentionBlock* attention = (AttentionBlock*)client.Host.Attention(number);

        long result = 0;
        Thread runner = new(() => result = client.Host.Call(number, KvmIoctl.KVM_RUN, 0)) { IsBackground = true };
        runner.Start();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref attention->InRun) != 0, TimeSpan.FromSeconds(20)));
        client.Close(vcpu);
        client.Close(client.Vm);
        Assert.Equal((nint)attention, client.Host.Attention(number));
        Assert.Equal(1u, Volatile.Read(ref attention->InRun));

        // As a signal handler does.
        Volatile.Write(ref attention->Signal, 1);
        Volatile.Write(ref *attention->Kicked, 1);
        Volatile.Write(ref *attention->PollAt, 0);
        Assert.True(runner.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal(-Errno.EINTR, result);
        Assert.Equal(0, client.Host.Attention(number));
        Assert.Equal(-Errno.EBADF, client.Host.Call(number, KvmIoctl.KVM_RUN, 0));

        // What a handler that comes late stores reaches nobody.
        Volatile.Write(ref *attention->Kicked, 1);
        Volatile.Write(ref *attention->PollAt, 0);
        Volatile.Write(ref *attention->Futex, 1);
    }

    [Fact]
    public void WritesThatWouldBeCollectedAreExitsWhenThePageHasGone()
    {
        // mov ax, 0xF000; mov ds, ax; mov [0], al; hlt
        using KvmClient client = new(bytes: 0x80000);
        client.AddMemory();
        ReadOnlySpan<byte> bytes = [0xB8, 0x00, 0xF0, 0x8E, 0xD8, 0xA2, 0x00, 0x00, 0xF4];
        bytes.CopyTo(client.Bytes[0x1000..]);
        int first = client.AddVcpu(0), second = client.AddVcpu(1);
        client.StartRealMode(second, 0x1000);
        kvm_coalesced_mmio_zone zone = new() { addr = CoalescedAddress, size = 16 };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_REGISTER_COALESCED_MMIO, zone));
        client.Close(first);
        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(second));
        Assert.Equal(CoalescedAddress, client.Page(second).mmio.phys_addr);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(second));
    }

    private static ulong Find(KvmHost host, int descriptor)
    {
        Assert.Equal(0, Libc.Identify(descriptor, out FileIdentity identity));
        return host.Find(identity.Device, identity.Inode);
    }
}
