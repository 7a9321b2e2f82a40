using Iced.Intel;
using Vitrine.Tests.Differential;
using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.Robustness.UserCode;

/// <summary>What of an outcome is nobody's to compare, given the instructions that led to it.</summary>
/// <param name="Flags">Flags that may differ at the end.</param>
/// <param name="IsOpen">True when an instruction has acted on what the manual leaves undefined, or gave a result that the manual only bounds.</param>
internal readonly record struct Verdict(ulong Flags, bool IsOpen)
{
    private const int LookAhead = 400;

    /// <summary>Judges a run.</summary>
    /// <param name="trace">Its instructions in order.</param>
    /// <param name="machine">The machine, where it ended.</param>
    public static Verdict Of(List<Instruction> trace, UserMachine machine)
    {
        if (trace.Count == 0) return new Verdict(0, IsOpen: true);
        ulong undefined = 0;
        bool isOpen = false;
        ref MachineImage end = ref machine.Outcome;
        foreach ((int index, Instruction instruction) in trace.Index())
        {
            isOpen |= (undefined & FlagFlow.Flags(instruction.RflagsRead)) != 0 || IsBounded(instruction);
            bool faults = index == trace.Count - 1 && instruction.IP == end.Rip && end.Vector is not (ExceptionVector.DB or ExceptionVector.BP or ExceptionVector.OF);
            if (faults) continue;
            (ulong written, ulong mayDiffer) = FlagFlow.Effect(instruction);
            undefined = (undefined & ~written) | mayDiffer;
        }

        return new Verdict(undefined | OverwrittenBehind(machine), isOpen);
    }

    /// <summary>Flags that nothing reads from where a program has faulted, see <see cref="Tolerance.FreeFlagsAtFault"/>.</summary>
    private static ulong OverwrittenBehind(UserMachine machine)
    {
        int budget = LookAhead;
        return FlagFlow.Arithmetic & ~ReadBehind(machine, machine.Outcome.Rip, FlagFlow.Arithmetic, ref budget);
    }

    /// <summary>Which of some flags an instruction may read, from an address on, before they are overwritten.</summary>
    private static ulong ReadBehind(UserMachine machine, ulong rip, ulong flags, ref int budget)
    {
        ulong read = 0;
        while (flags != 0)
        {
            if (--budget < 0 || machine.Decode(rip, machine.Outcome.Is64, rip) is not { } instruction || instruction.Code == Code.INVALID) return read | flags;
            read |= flags & FlagFlow.Flags(instruction.RflagsRead);
            flags &= ~read & ~FlagFlow.Effect(instruction).Written;
            rip = instruction.NextIP;
            switch (instruction.FlowControl)
            {
                case FlowControl.Next:
                    break;
                case FlowControl.ConditionalBranch:
                    read |= ReadBehind(machine, instruction.NearBranchTarget, flags, ref budget);
                    break;
                case FlowControl.UnconditionalBranch or FlowControl.Call:
                    rip = instruction.NearBranchTarget;
                    break;
                default:
                    return read | flags;
            }
        }

        return read;
    }

    private static bool IsBounded(in Instruction instruction) => Tolerance.IsApproximation(instruction)
        || instruction.Mnemonic is Mnemonic.Rdrand or Mnemonic.Rdseed or Mnemonic.Fstpnce
        || VendorDifferences.FreeStatusBits(instruction) != 0
        || (instruction.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd && instruction.Op1Register.GetSize() == 2)
        || VendorDifferences.FreeStateBytes(instruction).Length > 0;
}
