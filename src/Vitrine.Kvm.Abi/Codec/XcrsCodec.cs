using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>Extended control registers (KVM_GET_XCRS, KVM_SET_XCRS). There is one, XCR0; others are ignored, as KVM ignores them.</summary>
// SAFETY: for the whole type: the array has room for 16 registers, and indices stay below.
public static unsafe class XcrsCodec
{
    private const uint Capacity = 16;

    /// <summary>Takes XCR0 into a state, if it is there.</summary>
    /// <returns>False, with the state as it was, for what KVM answers with EINVAL: flags, and more registers than there is room for.</returns>
    public static bool TryDecode(in kvm_xcrs xcrs, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (xcrs.flags != 0 || xcrs.nr_xcrs > Capacity) return false;
        fixed (ulong* words = xcrs.xcrs)
        {
            var all = (kvm_xcr*)words;
            for (uint i = 0; i < xcrs.nr_xcrs; i++)
            {
                if (all[i].xcr == 0) state.Xcr0 = all[i].value;
            }
        }

        return true;
    }

    /// <summary>XCR0 of a state.</summary>
    public static kvm_xcrs Encode(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var xcrs = new kvm_xcrs { nr_xcrs = 1 };
        *(kvm_xcr*)xcrs.xcrs = new kvm_xcr { xcr = 0, value = state.Xcr0 };
        return xcrs;
    }
}
