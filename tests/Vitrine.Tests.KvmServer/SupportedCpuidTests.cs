using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_GET_SUPPORTED_CPUID (Documentation/virt/kvm/api.rst 4.46).</summary>
public sealed unsafe class SupportedCpuidTests
{
    // SAFETY: the buffer has room for as many entries as it says.
    private const int Room = 128;

    // KVM_CAP_TSC_DEADLINE_TIMER tells of it: it is there only with a local APIC in KVM.
    [Fact]
    public void TheDeadlineTimerIsNotAmongTheFeatures()
    {
        const uint TscDeadline = 1u << 24;
        using KvmHost host = new();
        int system = host.Open();
        uint* buffer = stackalloc uint[2 + (Room * sizeof(kvm_cpuid_entry2) / sizeof(uint))];
        buffer[0] = Room;
        Assert.Equal(0, host.Ioctl(system, KvmIoctl.KVM_GET_SUPPORTED_CPUID, (ulong)buffer));
        ReadOnlySpan<kvm_cpuid_entry2> entries = new(buffer + 2, (int)buffer[0]);
        foreach (kvm_cpuid_entry2 entry in entries)
        {
            if (entry.function == 1) Assert.Equal(0u, entry.ecx & TscDeadline);
        }

        Assert.Equal(1, host.Ioctl(system, KvmIoctl.KVM_CHECK_EXTENSION, KvmCap.KVM_CAP_TSC_DEADLINE_TIMER));
        host.Close(system);
    }
}
