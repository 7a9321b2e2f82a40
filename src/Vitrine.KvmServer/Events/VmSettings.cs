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

    /// <summary>KVM_SET_TSS_ADDR.</summary>
    /// <returns>-EINVAL when the pages would leave the lowest 4 GiB.</returns>
    public int SetTssAddress(ulong argument)
    {
        if (argument > uint.MaxValue - (3 * PageSize) + 1) return -Errno.EINVAL;
        TssAddress = (uint)argument;
        return 0;
    }

    /// <summary>KVM_SET_IDENTITY_MAP_ADDR.</summary>
    /// <returns>-EINVAL when a vCPU has been created.</returns>
    public int SetIdentityMapAddress(bool hasVcpus, ulong address)
    {
        if (hasVcpus) return -Errno.EINVAL;
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
