using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>Time-stamp counters of several vCPUs, which a client creates and sets one after the other.</summary>
public sealed unsafe class TimeStampTests
{
    // SAFETY: lists of one register are on the stack for the time of a call.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CountersOfOneMachineAreTogether(bool areSet)
    {
        using KvmClient client = new();
        client.AddMemory();
        List<int> vcpus = [];
        for (int id = 0; id < 3; id++)
        {
            vcpus.Add(client.AddVcpu(id));
            if (areSet) Write(client, vcpus[id], 0);
            Thread.Sleep(3);
        }

        for (int id = 1; id < 3; id++)
        {
            ulong before = Read(client, vcpus[id]);
            ulong first = Read(client, vcpus[0]);
            ulong after = Read(client, vcpus[id]);
            Assert.InRange(first, before, after);
        }
    }

    private static ulong Read(KvmClient client, int vcpu)
    {
        OneRegister list = new() { Count = 1, Index = 0x10 };
        Assert.Equal(1, client.Host.Ioctl(vcpu, KvmIoctl.KVM_GET_MSRS, (ulong)&list));
        return list.Value;
    }

    private static void Write(KvmClient client, int vcpu, ulong value)
    {
        OneRegister list = new() { Count = 1, Index = 0x10, Value = value };
        Assert.Equal(1, client.Host.Ioctl(vcpu, KvmIoctl.KVM_SET_MSRS, (ulong)&list));
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
