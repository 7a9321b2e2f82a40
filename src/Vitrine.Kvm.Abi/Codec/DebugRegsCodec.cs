using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>Debug registers (KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS).</summary>
// SAFETY: for the whole type: both arrays hold DR0 to DR3.
public static unsafe class DebugRegsCodec
{
    /// <summary>Takes the registers into a state.</summary>
    /// <returns>False, with the state as it was, for what KVM answers with EINVAL: flags, and bits above 31 in DR6 or DR7.</returns>
    public static bool TryDecode(in kvm_debugregs debug, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (debug.flags != 0 || debug.dr6 > uint.MaxValue || debug.dr7 > uint.MaxValue) return false;
        for (int i = 0; i < state.DebugAddress.Length; i++) state.DebugAddress[i] = debug.db[i];
        state.Dr6 = debug.dr6;
        state.Dr7 = debug.dr7;
        return true;
    }

    /// <summary>The registers of a state.</summary>
    public static kvm_debugregs Encode(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var debug = new kvm_debugregs { dr6 = state.Dr6, dr7 = state.Dr7 };
        for (int i = 0; i < state.DebugAddress.Length; i++) debug.db[i] = state.DebugAddress[i];
        return debug;
    }
}
