using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Capabilities;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Events;

namespace Vitrine.KvmServer.State;

/// <summary>Registers that a client puts and reads in the page of its vCPU, without a call (KVM_CAP_SYNC_REGS; Documentation/virt/kvm/api.rst 7.5).</summary>
internal static unsafe class SharedRegisters
{
    // SAFETY: the page is the vCPU's, mapped for as long as it is there.

    private const uint General = 1;
    private const uint Special = 2;
    private const uint Pending = 4;

    /// <summary>Takes what the client has written; before KVM_RUN does anything.</summary>
    /// <returns>0, or -EINVAL for what none can have.</returns>
    public static int Take(ServedVcpu vcpu, VmSettings settings, kvm_run* page)
    {
        if (((page->kvm_valid_regs | page->kvm_dirty_regs) & ~(ulong)Extensions.SharedRegisterMask) != 0) return -Errno.EINVAL;
        ulong dirty = page->kvm_dirty_regs;
        int error = 0;
        if ((dirty & General) != 0) error = RegisterCalls.SetGeneral(vcpu, (ulong)&page->s.regs.regs);
        if (error == 0 && (dirty & Special) != 0) error = RegisterCalls.SetSpecial(vcpu, (ulong)&page->s.regs.sregs);
        if (error == 0 && (dirty & Pending) != 0) error = EventCalls.Set(vcpu, settings, (ulong)&page->s.regs.events);
        if (error == 0) page->kvm_dirty_regs = 0;
        return error;
    }

    /// <summary>Gives what the client wants to read; behind KVM_RUN, whatever came of it.</summary>
    public static void Give(ServedVcpu vcpu, VmSettings settings, kvm_run* page)
    {
        ulong valid = page->kvm_valid_regs;
        if ((valid & General) != 0) RegisterCalls.GetGeneral(vcpu, (ulong)&page->s.regs.regs);
        if ((valid & Special) != 0) RegisterCalls.GetSpecial(vcpu, (ulong)&page->s.regs.sregs);
        if ((valid & Pending) != 0) EventCalls.Get(vcpu, settings, (ulong)&page->s.regs.events);
    }
}
