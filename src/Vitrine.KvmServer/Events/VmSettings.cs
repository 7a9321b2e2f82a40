using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Events;

/// <summary>What a client tells KVM of a machine once and this one has no need of: where its own helpers in guest memory may be.</summary>
internal sealed class VmSettings
{
    private const uint PageSize = 4096;

    /// <summary>The most ids that vCPUs may have here: KVM_CAP_MAX_VCPU_ID.</summary>
    public const uint MaximumVcpuIds = 4096;

    /// <summary>KVM_SET_TSS_ADDR: three pages for virtual 8086 mode.</summary>
    public uint TssAddress { get; private set; }

    /// <summary>KVM_SET_IDENTITY_MAP_ADDR: a page for real mode; 0 stands for KVM's own.</summary>
    public ulong IdentityMapAddress { get; private set; }

    /// <summary>KVM_SET_BOOT_CPU_ID.</summary>
    public uint BootCpuId { get; private set; }

    /// <summary>An exception that waits is told apart from one that is being delivered (KVM_CAP_EXCEPTION_PAYLOAD).</summary>
    public bool ExceptionPayload { get; set; }

    /// <summary>A triple fault that waits is an event (KVM_CAP_X86_TRIPLE_FAULT_EVENT).</summary>
    public bool TripleFaultEvent { get; set; }

    /// <summary>What the two add to the flags of a vCPU's events.</summary>
    public uint EventFlags =>
        (ExceptionPayload ? KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD : 0) | (TripleFaultEvent ? KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0);

    /// <summary>KVM_SET_TSS_ADDR.</summary>
    /// <returns>-EINVAL when the pages would leave the lowest 4 GiB.</returns>
    public int SetTssAddress(ulong argument)
    {
        if (argument > uint.MaxValue - (3 * PageSize) + 1) return -Errno.EINVAL;
        TssAddress = (uint)argument;
        return 0;
    }

    /// <summary>KVM_SET_IDENTITY_MAP_ADDR, before the first vCPU.</summary>
    public int SetIdentityMapAddress(ulong address)
    {
        IdentityMapAddress = address;
        return 0;
    }

    /// <summary>KVM_SET_BOOT_CPU_ID.</summary>
    /// <returns>-EBUSY when a vCPU has been created; -EINVAL for an id that none can have.</returns>
    public int SetBootCpuId(bool hasVcpus, ulong id)
    {
        if (hasVcpus) return -Errno.EBUSY;
        if (id > MaximumVcpuIds) return -Errno.EINVAL;
        BootCpuId = (uint)id;
        return 0;
    }
}
