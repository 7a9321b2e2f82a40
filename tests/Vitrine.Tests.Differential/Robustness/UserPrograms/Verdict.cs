using Iced.Intel;
using Vitrine.Tests.Differential;
using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>What of an outcome is nobody's to compare, given the instructions that led to it.</summary>
/// <param name="Flags">Flags that may differ at the end.</param>
/// <param name="IsOpen">True when an instruction has acted on a flag that the manual leaves undefined, or gave a random number.</param>
internal readonly record struct Verdict(ulong Flags, bool IsOpen)
{
    /// <summary>Judges a run.</summary>
    /// <param name="trace">Its instructions in order.</param>
    /// <param name="machine">The machine, where it ended.</param>
    public static Verdict Of(List<TraceStep> trace, UserMachine machine)
    {
        if (trace.Count == 0) return new Verdict(0, IsOpen: true);
        ulong undefined = 0;
        bool isOpen = false;
        ref MachineImage end = ref machine.Outcome;
        foreach ((int index, TraceStep step) in trace.Index())
        {
            Instruction instruction = step.Instruction;
            isOpen |= (undefined & FlagFlow.Flags(instruction.RflagsRead)) != 0 || IsChance(instruction);
            bool faults = index == trace.Count - 1 && instruction.IP == end.Rip && end.Vector is not (ExceptionVector.DB or ExceptionVector.BP or ExceptionVector.OF);
            if (faults) continue;
            (ulong written, ulong mayDiffer) = FlagFlow.Effect(instruction);
            undefined = ((undefined | ExposedUnexpectedly(step)) & ~written) | mayDiffer;
        }

        // Flags that nothing reads from where a program has faulted, see Tolerance.FreeFlagsAtFault.
        return new Verdict(undefined | FlagsAhead.Overwritten(machine, end.Rip, end.Is64), isOpen);
    }

    /// <summary>
    /// Flags that a store exposes which the translator can't tell: it didn't keep them, because the code that the store replaced would have overwritten
    /// them (docs/translator.md, "Flags that nobody sees"). Where the store's operand names the page that the code runs in, it can.
    /// </summary>
    private static ulong ExposedUnexpectedly(in TraceStep step)
    {
        Instruction instruction = step.Instruction;
        const int PageShift = 12;
        bool isExpected = instruction.IsIPRelativeMemoryOperand && instruction.IPRelativeMemoryAddress >> PageShift == instruction.IP >> PageShift;
        return isExpected ? 0 : step.Exposed;
    }

    private static bool IsChance(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Rdrand or Mnemonic.Rdseed;
}
