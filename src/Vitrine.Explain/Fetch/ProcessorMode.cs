using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>The mode that a processor is in, as far as fetching and decoding care.</summary>
/// <param name="Name">In words.</param>
/// <param name="Bits">16, 32 or 64: the default operand size of code.</param>
internal readonly record struct ProcessorMode(string Name, int Bits)
{
    /// <summary>The mode of a state.</summary>
    public static ProcessorMode Of(ProcessorState state)
    {
        SegmentRegister cs = state.Segments[Seg.Cs];
        if ((state.Cr0 & Cr0.PE) == 0) return new("real mode", 16);
        if ((state.Rflags & Rflags.VM) != 0) return new("virtual-8086 mode", 16);
        bool longMode = (state.Efer & Efer.LMA) != 0;
        if (longMode && cs.Long) return new("64-bit mode", 64);
        string suffix = longMode ? "compatibility mode" : "protected mode";
        return cs.DefaultBig ? new($"32-bit {suffix}", 32) : new($"16-bit {suffix}", 16);
    }
}
