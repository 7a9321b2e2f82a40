using Vitrine.Explain.Model;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>From CS and RIP to a linear address (SDM vol. 3, 3.4 "Logical and Linear Addresses").</summary>
internal static class SegmentExplanation
{
    /// <summary>Explains the next fetch of a state.</summary>
    public static SegmentFact Of(ProcessorState state)
    {
        SegmentRegister cs = state.Segments[Seg.Cs];
        ProcessorMode mode = ProcessorMode.Of(state);
        string fault = "";
        ulong linear;
        string rule;
        if (mode.Bits == 64)
        {
            linear = state.Rip;
            rule = "In 64-bit mode CS has no base and no limit: the linear address is RIP.";
        }
        else
        {
            linear = (uint)(cs.Base + state.Rip);
            rule = $"Hidden base + RIP = 0x{cs.Base:x} + 0x{state.Rip:x}, cut to 32 bits. {SelectorText(cs, mode)}";
            if (state.Rip > cs.Limit) fault = $"#GP(0): RIP is beyond the limit of CS, 0x{cs.Limit:x}.";
        }

        return new SegmentFact(mode.Name, cs.Selector, cs.Base, cs.Limit, cs.Access, state.Rip, linear, rule, fault);
    }

    private static string SelectorText(SegmentRegister cs, ProcessorMode mode)
    {
        ulong shifted = (ulong)cs.Selector << 4;
        if (mode.Bits == 16 && mode.Name is "real mode" or "virtual-8086 mode")
        {
            return cs.Base == shifted
                ? "The base is selector × 16, as the last load of CS left it."
                : $"The base is not selector × 16 (0x{shifted:x}): RESET sets the hidden part by itself, and it holds until CS is loaded.";
        }

        return "The base came from a descriptor when CS was loaded, or from whoever set the state; no descriptor is read now.";
    }
}
