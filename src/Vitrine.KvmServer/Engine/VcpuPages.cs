namespace Vitrine.KvmServer.Engine;

/// <summary>The pages that a vCPU's file has, for the client to map (KVM_GET_VCPU_MMAP_SIZE).</summary>
internal static class VcpuPages
{
    /// <summary>Page of the data of port accesses (KVM_PIO_PAGE_OFFSET); page 0 is struct kvm_run.</summary>
    public const int PortDataPage = 1;

    /// <summary>Page of the ring of coalesced accesses (KVM_COALESCED_MMIO_PAGE_OFFSET).</summary>
    public const int CoalescedPage = 2;

    /// <summary>How many there are.</summary>
    public const int Count = 3;
}
