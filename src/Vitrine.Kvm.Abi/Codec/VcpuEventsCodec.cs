using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// Events in flight (KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS) as they are without KVM_CAP_EXCEPTION_PAYLOAD: an exception is being delivered or
/// there is none, and CR2 and DR6 hold already what it brings. System-management mode is no part of a state and is ignored.
/// </summary>
public static class VcpuEventsCodec
{
    private const int ExceptionVectors = 32;
    private const byte ShadowBits = 3;
    private const uint KnownFlags = KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING | KvmConstants.KVM_VCPUEVENT_VALID_SIPI_VECTOR |
        KvmConstants.KVM_VCPUEVENT_VALID_SHADOW | KvmConstants.KVM_VCPUEVENT_VALID_SMM | KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;

    /// <summary>Takes events over those that were there; what the flags don't name stays.</summary>
    /// <returns>False, with the events as they were, for what KVM answers with EINVAL: unknown flags, and an exception with a vector of none.</returns>
    public static bool TryDecode(in kvm_vcpu_events kvm, ref PendingEvents events)
    {
        uint flags = kvm.flags;
        if ((flags & ~KnownFlags) != 0) return false;
        bool injected = kvm.exception.injected != 0;
        if (injected && (kvm.exception.nr >= ExceptionVectors || kvm.exception.nr == ExceptionVector.NMI)) return false;
        events.ExceptionInjected = injected;
        events.ExceptionPending = kvm.exception.pending != 0;
        events.ExceptionVector = kvm.exception.nr;
        events.ExceptionHasErrorCode = kvm.exception.has_error_code != 0;
        events.ExceptionErrorCode = kvm.exception.error_code;
        events.InterruptInjected = kvm.interrupt.injected != 0;
        events.InterruptVector = kvm.interrupt.nr;
        events.InterruptSoft = kvm.interrupt.soft != 0;
        events.NmiInjected = kvm.nmi.injected != 0;
        events.NmiMasked = kvm.nmi.masked != 0;
        if ((flags & KvmConstants.KVM_VCPUEVENT_VALID_SHADOW) != 0) events.InterruptShadow = (byte)(kvm.interrupt.shadow & ShadowBits);
        if ((flags & KvmConstants.KVM_VCPUEVENT_VALID_NMI_PENDING) != 0)
        {
            // One can be held back while another's handler runs, two otherwise.
            events.NmisPending = Math.Min(kvm.nmi.pending, (byte)(events.NmiInjected || events.NmiMasked ? 1 : 2));
        }

        if ((flags & KvmConstants.KVM_VCPUEVENT_VALID_SIPI_VECTOR) != 0) events.SipiVector = kvm.sipi_vector;
        if ((flags & KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT) != 0) events.TripleFaultPending = kvm.triple_fault.pending != 0;
        return true;
    }

    /// <summary>KVM's structure. An exception that waits becomes one that is being delivered.</summary>
    /// <param name="events">The events.</param>
    /// <param name="flags">Which parts the other side is to take: KVM_VCPUEVENT_VALID_*, without PAYLOAD.</param>
    public static kvm_vcpu_events Encode(in PendingEvents events, uint flags)
    {
        var kvm = new kvm_vcpu_events { sipi_vector = events.SipiVector, flags = flags };
        kvm.exception.injected = Bit(events.ExceptionInjected || events.ExceptionPending);
        kvm.exception.nr = events.ExceptionVector;
        kvm.exception.has_error_code = Bit(events.ExceptionHasErrorCode);
        kvm.exception.error_code = events.ExceptionErrorCode;
        kvm.interrupt.injected = Bit(events.InterruptInjected);
        kvm.interrupt.nr = events.InterruptVector;
        kvm.interrupt.soft = Bit(events.InterruptSoft);
        kvm.interrupt.shadow = events.InterruptShadow;
        kvm.nmi.injected = Bit(events.NmiInjected);
        kvm.nmi.pending = events.NmisPending;
        kvm.nmi.masked = Bit(events.NmiMasked);
        if ((flags & KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT) != 0) kvm.triple_fault.pending = Bit(events.TripleFaultPending);
        return kvm;
    }

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
