using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Irqchip;

namespace Vitrine.KvmServer.Events;

/// <summary>
/// What a client says of a vCPU's task priority: that its accesses are to be reported, and where a copy may be. The software CPU's task
/// priority costs no exit, so that neither is made use of.
/// </summary>
internal sealed class VcpuTaskPriority
{
    /// <summary>KVM_TPR_ACCESS_REPORTING.</summary>
    public bool IsReported { get; private set; }

    /// <summary>KVM_SET_VAPIC_ADDR; 0 for none.</summary>
    public ulong CopyAddress { get; private set; }

    /// <summary>KVM_TPR_ACCESS_REPORTING.</summary>
    /// <returns>-EINVAL for flags.</returns>
    public int SetReporting(in kvm_tpr_access_ctl control)
    {
        if (control.flags != 0) return -Errno.EINVAL;
        IsReported = control.enabled != 0;
        return 0;
    }

    /// <summary>KVM_SET_VAPIC_ADDR.</summary>
    /// <param name="address">The client's.</param>
    /// <param name="mode">What the machine has.</param>
    /// <param name="isMapped">Whether 4 bytes at a guest-physical address are in a slot.</param>
    /// <returns>-EINVAL without a local APIC, or where there is no memory.</returns>
    public int SetCopyAddress(in kvm_vapic_addr address, IrqchipMode mode, Func<ulong, bool> isMapped)
    {
        if (mode == IrqchipMode.None || (address.vapic_addr != 0 && !isMapped(address.vapic_addr))) return -Errno.EINVAL;
        CopyAddress = address.vapic_addr;
        return 0;
    }
}
