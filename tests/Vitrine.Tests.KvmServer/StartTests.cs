using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>Which vCPUs run when they are created: all where the client has the local APICs, and the first where the machine has them, as with the kernel's KVM.</summary>
public sealed class StartTests
{
    private const uint Runnable = 0;
    private const uint Uninitialized = 1;

    [Theory]
    [InlineData(false, Runnable)]
    [InlineData(true, Uninitialized)]
    public void TheSecondVcpuWaitsForItsStartUpWhereTheMachineHasLocalApics(bool machineHas, uint second)
    {
        using KvmClient client = new();
        if (machineHas) Assert.Equal(0, client.Host.Ioctl(client.Vm, KvmIoctl.KVM_CREATE_IRQCHIP, 0));
        Assert.Equal(Runnable, client.Get<kvm_mp_state>(client.AddVcpu(0), KvmIoctl.KVM_GET_MP_STATE).mp_state);
        Assert.Equal(second, client.Get<kvm_mp_state>(client.AddVcpu(1), KvmIoctl.KVM_GET_MP_STATE).mp_state);
    }
}
