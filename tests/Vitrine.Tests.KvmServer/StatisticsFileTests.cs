using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_GET_STATS_FD (Documentation/virt/kvm/api.rst 4.131): files that describe themselves.</summary>
public sealed class StatisticsFileTests
{
    [Fact]
    public void AVcpuCountsItsExits()
    {
        // out 0x10, al; out 0x10, al; hlt
        using KvmClient client = KvmClient.WithRealModeCode([0xE6, 0x10, 0xE6, 0x10, 0xF4]);
        int file = (int)client.Host.Ioctl(client.Vcpu, KvmIoctl.KVM_GET_STATS_FD, 0);
        Assert.Equal(0UL, Read(file).Values["exits"]);
        while (client.RunToExit(client.Vcpu) != KvmExit.KVM_EXIT_HLT)
        {
        }

        (string id, Dictionary<string, ulong> values) = Read(file);
        Assert.EndsWith("/vcpu-0", id, StringComparison.Ordinal);
        Assert.Equal((3UL, 2UL, 1UL, 0UL), (values["exits"], values["io_exits"], values["halt_exits"], values["mmio_exits"]));

        // A second file begins with what there is, and an ioctl on one is nothing.
        int second = (int)client.Host.Ioctl(client.Vcpu, KvmIoctl.KVM_GET_STATS_FD, 0);
        Assert.Equal(3UL, Read(second).Values["exits"]);
        Assert.Equal(-Errno.ENOTTY, client.Host.Ioctl(second, KvmIoctl.KVM_GET_REGS, 0));
        client.Host.Close(second);
        client.Host.Close(file);
        client.Page(client.Vcpu).immediate_exit = 1;
        Assert.Equal(-Errno.EINTR, client.Run(client.Vcpu));
    }

    [Fact]
    public void AMachineCountsWhatItHas()
    {
        using KvmClient client = new();
        int file = (int)client.Host.Ioctl(client.Vm, KvmIoctl.KVM_GET_STATS_FD, 0);
        Assert.Equal(0UL, Read(file).Values["vcpus"]);
        client.AddVcpu(0);
        client.AddVcpu(1);
        client.AddMemory();
        (string id, Dictionary<string, ulong> values) = Read(file);
        Assert.Equal($"kvm-{Environment.ProcessId}", id);
        Assert.Equal((2UL, 1UL), (values["vcpus"], values["memslots"]));
        client.Host.Close(file);
    }

    // As a client that knows nothing but the format does.
    private static (string Id, Dictionary<string, ulong> Values) Read(int descriptor)
    {
        const int HeaderBytes = 24;
        const int DescriptorBytes = 16;
        using SafeFileHandle handle = new(descriptor, ownsHandle: false);
        byte[] bytes = new byte[RandomAccess.GetLength(handle)];
        Assert.Equal(bytes.Length, RandomAccess.Read(handle, bytes, 0));
        int nameBytes = Word(bytes, 4);
        int count = Word(bytes, 8);
        int data = Word(bytes, 20);
        Assert.Equal((0, HeaderBytes), (Word(bytes, 0), Word(bytes, 12)));
        Assert.Equal(0, data % sizeof(ulong));
        Dictionary<string, ulong> values = [];
        for (int i = 0; i < count; i++)
        {
            int at = Word(bytes, 16) + (i * (DescriptorBytes + nameBytes));
            Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 6)));
            values[Text(bytes, at + DescriptorBytes)] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(data + Word(bytes, at + 8)));
        }

        Assert.Equal(bytes.Length, data + (count * sizeof(ulong)));
        return (Text(bytes, HeaderBytes), values);
    }

    private static int Word(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));

    private static string Text(byte[] bytes, int at) => Encoding.ASCII.GetString(bytes.AsSpan(at, bytes.AsSpan(at).IndexOf((byte)0)));
}
