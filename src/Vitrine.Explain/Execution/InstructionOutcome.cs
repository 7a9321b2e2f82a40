using Iced.Intel;
using Vitrine.Explain.Fetch;
using Vitrine.X86.State;

namespace Vitrine.Explain.Execution;

/// <summary>What came of an instruction, told from the registers before and after it.</summary>
internal static class InstructionOutcome
{
    private const string Pushed = "What was pushed onto its stack isn't listed.";

    /// <summary>In a sentence.</summary>
    /// <param name="before">The registers before.</param>
    /// <param name="instruction">The instruction; null when none could be fetched.</param>
    /// <param name="after">The registers after.</param>
    public static string Of(ProcessorState before, Instruction? instruction, ProcessorState after)
    {
        string place = $"{after.Segments[Seg.Cs].Selector:x4}:{after.Rip:x}, linear 0x{SegmentExplanation.Of(after).Linear:x}";
        if (instruction is not { } executed) return $"An exception is delivered. Next is {place}. {Pushed}";
        if (executed.FlowControl is FlowControl.Next && after.Rip == before.Rip && executed.HasRepPrefix | executed.HasRepnePrefix)
        {
            return "One element of the repeated instruction is done; it goes on.";
        }

        if (executed.Mnemonic == Mnemonic.Hlt && after.MpState == MpState.Halted) return $"Done: the processor halts until an interrupt comes. Next is {place}.";
        return EndsAsItShould(executed, before, after) ? $"Done. Next is {place}." : $"An exception or interrupt is delivered. Next is {place}. {Pushed}";
    }

    /// <summary>
    /// Whether RIP and the stack pointer after an instruction are what it makes of them, so that no exception or interrupt was delivered. A far transfer may
    /// change the stack as well as a delivery does: it is believed.
    /// </summary>
    private static bool EndsAsItShould(in Instruction executed, ProcessorState before, ProcessorState after)
    {
        switch (executed.FlowControl)
        {
            case FlowControl.Next:
                return after.Rip == executed.NextIP || (ProcessorMode.Of(before).Bits == 16 && after.Rip == (ushort)executed.NextIP);
            case FlowControl.Exception:
                return false;
            case FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch or FlowControl.IndirectBranch:
            case FlowControl.Call or FlowControl.IndirectCall or FlowControl.Interrupt:
            case FlowControl.Return when executed.Mnemonic == Mnemonic.Ret:
                bool far = executed.IsJmpFar || executed.IsJmpFarIndirect || executed.IsCallFar || executed.IsCallFarIndirect || executed.Mnemonic == Mnemonic.Sysenter;
                int increment = executed.FlowControl is FlowControl.Interrupt ? 0 : executed.StackPointerIncrement;
                return far || (ushort)(after.Gpr[Gpr.Rsp] - before.Gpr[Gpr.Rsp]) == (ushort)increment;
            default:
                return true;
        }
    }
}
