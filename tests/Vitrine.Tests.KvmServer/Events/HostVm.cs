using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Xunit;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>The host's KVM. Skips the test where it can't be used.</summary>
internal sealed unsafe partial class HostVm : TestedVm
{
    private readonly int _system;
    private readonly int _machine;
    private int _vcpu = -1;

    public HostVm()
    {
        const int ReadWrite = 2;
        const int CloseAtExec = 0x8_0000;
        _system = Open("/dev/kvm", ReadWrite | CloseAtExec);
        Assert.SkipWhen(_system < 0, "/dev/kvm can't be opened");
        _machine = Ioctl(_system, KvmIoctl.KVM_CREATE_VM, null);
        Assert.SkipWhen(_machine < 0, "/dev/kvm makes no machine");
    }

    public override int Call(uint request, void* argument) => Result(Ioctl(_machine, request, argument));

    public override int CallVcpu(uint request, void* argument)
    {
        if (_vcpu < 0) _vcpu = Ioctl(_machine, KvmIoctl.KVM_CREATE_VCPU, null);
        Assert.True(_vcpu >= 0);
        return request == 0 ? 0 : Result(Ioctl(_vcpu, request, argument));
    }

    public override void Dispose()
    {
        if (_vcpu >= 0) _ = Close(_vcpu);
        _ = Close(_machine);
        _ = Close(_system);
    }

    private static int Result(int result) => result < 0 ? -Marshal.GetLastSystemError() : result;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ioctl(int descriptor, nuint request, void* argument);
}
