using Vitrine.Errors;
using Vitrine.X86.State;

namespace Vitrine.State;

/// <summary>
/// Checks the shape of saved registers, and the values that no processor's entry checks would find: those that go to the host's own registers, or
/// index something.
/// </summary>
internal static class ProcessorStateCheck
{
    private const uint MxcsrBits = 0xFFFF;
    private const byte ShadowBits = 3;

    /// <summary>Checks a state.</summary>
    /// <param name="state">The registers; nothing in them is trusted.</param>
    /// <param name="part">Whose they are.</param>
    /// <exception cref="VitrineException">A part is missing, or a value impossible.</exception>
    internal static void Require(ProcessorState state, string part)
    {
        Length(state.Gpr, Gpr.Count, "general registers");
        Length(state.Segments, Seg.Count, "segment registers");
        Length(state.DebugAddress, 4, "breakpoint addresses");
        Length(state.Pdptes, 4, "page-directory pointers");
        Length(state.LocalApic, 1024, "bytes of local APIC");
        InvalidState.Unless(state.Fpu is not null, part, "it has no x87 registers");
        Length(state.Fpu.St, 8, "x87 registers");
        Length(state.Fpu.Xmm, 16, "XMM registers");
        Length(state.Fpu.YmmHigh, 16, "upper halves of YMM registers");
        InvalidState.Unless(state.Msrs is not null, part, "it has no model-specific registers");
        InvalidState.Unless((state.Fpu.Mxcsr & ~MxcsrBits) == 0, part, $"MXCSR can't hold 0x{state.Fpu.Mxcsr:x}");
        bool narrow = Array.TrueForAll(state.Fpu.St, static value => value >> 80 == UInt128.Zero);
        InvalidState.Unless(narrow, part, "an x87 register has more than 80 bits");
        InvalidState.Unless(Enum.IsDefined(state.MpState), part, $"there is no multiprocessing state {state.MpState}");
        bool shadow = (state.Events.InterruptShadow & ~ShadowBits) == 0;
        InvalidState.Unless(shadow, part, $"there is no interrupt shadow {state.Events.InterruptShadow}");
        InvalidState.Unless(state.Events.NmisPending <= 2, part, $"{state.Events.NmisPending} NMIs can't wait");

        void Length(Array? values, int count, string what) =>
            InvalidState.Unless(values is not null && values.Length == count, part, $"it has {values?.Length ?? 0} {what}, not {count}");
    }
}
