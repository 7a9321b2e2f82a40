using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>The local APIC's register page (KVM_GET_LAPIC, KVM_SET_LAPIC), which a state holds in the same layout.</summary>
// SAFETY: for the whole type: a page is 1,024 bytes on both sides.
public static unsafe class LapicCodec
{
    /// <summary>Takes the page into a state. Any value is one; what the APIC makes of it is the APIC's.</summary>
    public static void Decode(in kvm_lapic_state lapic, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        fixed (byte* regs = lapic.regs) new ReadOnlySpan<byte>(regs, sizeof(kvm_lapic_state)).CopyTo(state.LocalApic);
    }

    /// <summary>The page of a state.</summary>
    public static kvm_lapic_state Encode(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        kvm_lapic_state lapic = default;
        state.LocalApic.CopyTo(new Span<byte>(lapic.regs, sizeof(kvm_lapic_state)));
        return lapic;
    }
}
