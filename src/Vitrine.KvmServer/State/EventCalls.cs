using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Irqchip;
using Vitrine.KvmServer.Native;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.State;

/// <summary>What a vCPU waits for and what is about to be delivered to it.</summary>
internal static class EventCalls
{
    private const uint EventFlags = KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING | KvmConstants.KVM_VCPUEVENT_VALID_SHADOW | KvmConstants.KVM_VCPUEVENT_VALID_SMM;

    /// <summary>KVM_GET_MP_STATE.</summary>
    public static int GetActivity(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Activity);
        return ClientMemory.Write(address, MpStateCodec.Encode(vcpu.State.MpState));
    }

    /// <summary>KVM_SET_MP_STATE: where the client has the local APICs a vCPU always runs.</summary>
    /// <returns>0, -EINVAL or -EFAULT.</returns>
    public static int SetActivity(ServedVcpu vcpu, VmEngine engine, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_mp_state kvm);
        if (error < 0) return error;
        if (!MpStateCodec.TryDecode(kvm, out MpState state)) return -Errno.EINVAL;
        if (engine.Behavior.LocalApicAtClient && state != MpState.Runnable) return -Errno.EINVAL;
        vcpu.State.MpState = state;
        vcpu.Parts.Put(vcpu.State, StateParts.Activity);
        return 0;
    }

    /// <summary>KVM_GET_VCPU_EVENTS.</summary>
    public static int Get(ServedVcpu vcpu, VmSettings settings, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Events);
        PendingEvents events = vcpu.State.Events;
        kvm_vcpu_events kvm = VcpuEventsCodec.Encode(events, EventFlags | settings.EventFlags);
        if (settings.ExceptionPayload)
        {
            kvm.exception.injected = events.ExceptionInjected ? (byte)1 : (byte)0;
            kvm.exception.pending = events.ExceptionPending ? (byte)1 : (byte)0;
            kvm.exception_has_payload = events.ExceptionHasPayload ? (byte)1 : (byte)0;
            kvm.exception_payload = events.ExceptionPayload;
        }

        return ClientMemory.Write(address, kvm);
    }

    /// <summary>KVM_SET_VCPU_EVENTS. Without KVM_CAP_EXCEPTION_PAYLOAD an exception is being delivered, or there is none.</summary>
    /// <returns>0, -EINVAL for unknown flags or those of what was not enabled, and for what no exception is; or -EFAULT.</returns>
    public static int Set(ServedVcpu vcpu, VmSettings settings, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_vcpu_events kvm);
        if (error < 0) return error;
        const uint Enabled = KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD | KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
        if ((kvm.flags & Enabled & ~settings.EventFlags) != 0) return -Errno.EINVAL;
        bool payload = (kvm.flags & KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD) != 0;
        kvm.flags &= ~KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD;
        bool pending = payload && kvm.exception.pending != 0;

        // A vector is one, whether it is being delivered or waits.
        kvm.exception.injected = pending ? (byte)1 : kvm.exception.injected;
        vcpu.Parts.Get(vcpu.State, StateParts.Events);
        PendingEvents events = vcpu.State.Events;
        if (!VcpuEventsCodec.TryDecode(kvm, ref events)) return -Errno.EINVAL;
        events.ExceptionPending = pending;
        events.ExceptionInjected &= !pending;
        events.ExceptionHasPayload = pending && kvm.exception_has_payload != 0;
        events.ExceptionPayload = kvm.exception_payload;
        vcpu.State.Events = events;
        vcpu.Parts.Put(vcpu.State, StateParts.Events);
        return 0;
    }

    /// <summary>KVM_INTERRUPT: an external interrupt, where the client has the interrupt controllers.</summary>
    /// <returns>0; -ENXIO where KVM has them, -EINVAL for no vector, -EEXIST while another one waits, or -EFAULT.</returns>
    public static int Interrupt(ServedVcpu vcpu, VmEngine engine, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_interrupt interrupt);
        if (error < 0) return error;
        if (interrupt.irq > byte.MaxValue) return -Errno.EINVAL;
        if (engine.Interrupts.Mode == IrqchipMode.Full) return -Errno.ENXIO;
        return vcpu.Parts.TryInjectInterrupt((byte)interrupt.irq) ? 0 : -Errno.EEXIST;
    }

    /// <summary>KVM_NMI.</summary>
    public static int Nmi(ServedVcpu vcpu)
    {
        vcpu.Cpu.RaiseNmi();
        return 0;
    }
}
