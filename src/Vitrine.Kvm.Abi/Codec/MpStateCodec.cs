using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>Multiprocessing state (KVM_GET_MP_STATE, KVM_SET_MP_STATE).</summary>
public static class MpStateCodec
{
    /// <summary>Takes the state.</summary>
    /// <returns>False for a number that x86 guests don't have.</returns>
    public static bool TryDecode(in kvm_mp_state kvm, out MpState state)
    {
        state = (MpState)kvm.mp_state;
        return kvm.mp_state <= (uint)MpState.SipiReceived;
    }

    /// <summary>KVM's structure.</summary>
    public static kvm_mp_state Encode(MpState state) => new() { mp_state = (uint)state };
}
