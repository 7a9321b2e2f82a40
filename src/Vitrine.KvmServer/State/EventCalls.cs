using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Engine;
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
    public static int Get(ServedVcpu vcpu, ulong address)
    {
        vcpu.Parts.Get(vcpu.State, StateParts.Events);
        return ClientMemory.Write(address, VcpuEventsCodec.Encode(vcpu.State.Events, EventFlags));
    }

    /// <summary>KVM_SET_VCPU_EVENTS.</summary>
    public static int Set(ServedVcpu vcpu, ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_vcpu_events kvm);
        if (error < 0) return error;
        vcpu.Parts.Get(vcpu.State, StateParts.Events);
        PendingEvents events = vcpu.State.Events;
        if (!VcpuEventsCodec.TryDecode(kvm, ref events)) return -Errno.EINVAL;
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
