using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.KvmServer.Files;
using Vitrine.Memory;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>A fault of the server's own threads ends the machine, not the client, and is not passed over.</summary>
public sealed unsafe class FailureTests
{
    // SAFETY: structures are on the stack for the time of a call; the memory outlives the machine.
    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public void MachineGoesNoFurther(int milliseconds)
    {
        using HostMapping memory = new(1 << 16);
        using KvmHost host = new();
        VmFile? vm = null;
        int machine = host.Create("kvm-vm", pages: 1, file => vm = new VmFile(host, file));
        kvm_userspace_memory_region region = new() { memory_size = memory.Size, userspace_addr = (ulong)memory.Pointer };
        Assert.Equal(0, host.Ioctl(machine, KvmIoctl.KVM_SET_USER_MEMORY_REGION, (ulong)&region));
        int vcpu = (int)host.Ioctl(machine, KvmIoctl.KVM_CREATE_VCPU, 0);

        // jmp $
        memory.Pointer[0x1000] = 0xEB;
        memory.Pointer[0x1001] = 0xFE;
        kvm_sregs sregs;
        Assert.Equal(0, host.Ioctl(vcpu, KvmIoctl.KVM_GET_SREGS, (ulong)&sregs));
        (sregs.cs.@base, sregs.cs.selector) = (0, 0);
        Assert.Equal(0, host.Ioctl(vcpu, KvmIoctl.KVM_SET_SREGS, (ulong)&sregs));
        kvm_regs regs = new() { rip = 0x1000, rflags = 2 };
        Assert.Equal(0, host.Ioctl(vcpu, KvmIoctl.KVM_SET_REGS, (ulong)&regs));

        // Before the run, or while it is in the guest; the limit is a signal, whose answer is another one.
        using Timer failure = new(_ => vm!.Engine.Fail(new InvalidOperationException("test")), null, milliseconds == 0 ? Timeout.Infinite : milliseconds, Timeout.Infinite);
        if (milliseconds == 0) vm!.Engine.Fail(new InvalidOperationException("test"));
        using Timer limit = new(_ => host.Interrupt(vcpu), null, 10_000, Timeout.Infinite);
        Assert.Equal(-Errno.EIO, host.Ioctl(vcpu, KvmIoctl.KVM_RUN, 0));
        Assert.Equal(-Errno.EIO, host.Ioctl(vcpu, KvmIoctl.KVM_RUN, 0));
        host.Close(vcpu);
        host.Close(machine);
    }
}
