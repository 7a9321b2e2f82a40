using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>What a client wants of a vCPU's task priority (KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR).</summary>
internal static class TaskPriorityCalls
{
    private const ulong CopyBytes = sizeof(uint);

    /// <summary>KVM_TPR_ACCESS_REPORTING.</summary>
    public static int SetReporting(VcpuTaskPriority priority, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_tpr_access_ctl control);
        if (error == 0) error = priority.SetReporting(control);
        return error < 0 ? error : ClientMemory.Write(address, control);
    }

    /// <summary>KVM_SET_VAPIC_ADDR.</summary>
    public static int SetCopyAddress(VcpuTaskPriority priority, VmEngine engine, ulong address)
    {
        if (engine.Behavior.LocalApicAtClient) return -Errno.EINVAL;
        int error = ClientMemory.Read(address, out kvm_vapic_addr copy);
        return error < 0 ? error : priority.SetCopyAddress(copy, engine.Interrupts.Mode, gpa => engine.Slots.Contains(gpa, CopyBytes));
    }
}
