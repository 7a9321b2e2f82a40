using Iced.Intel;
using Vitrine.Tests.Differential;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>What becomes of the arithmetic flags in a user program's code from some place on.</summary>
internal static class FlagsAhead
{
    private const int LookAhead = 400;

    /// <summary>The flags that are overwritten before anything but a fault can see them.</summary>
    /// <param name="machine">Where the code lies.</param>
    /// <param name="rip">Where it begins.</param>
    /// <param name="is64">64-bit code.</param>
    public static ulong Overwritten(UserMachine machine, ulong rip, bool is64)
    {
        int budget = LookAhead;
        return FlagFlow.Arithmetic & ~Read(machine, rip, is64, FlagFlow.Arithmetic, ref budget);
    }

    /// <summary>Which of some flags an instruction may read, from an address on, before they are overwritten.</summary>
    private static ulong Read(UserMachine machine, ulong rip, bool is64, ulong flags, ref int budget)
    {
        ulong read = 0;
        while (flags != 0)
        {
            if (--budget < 0 || machine.Decode(rip, is64, rip) is not { } instruction || instruction.Code == Code.INVALID) return read | flags;
            read |= flags & FlagFlow.Flags(instruction.RflagsRead);
            flags &= ~read & ~FlagFlow.Effect(instruction).Written;
            rip = instruction.NextIP;
            switch (instruction.FlowControl)
            {
                case FlowControl.Next:
                    break;
                case FlowControl.ConditionalBranch:
                    read |= Read(machine, instruction.NearBranchTarget, is64, flags, ref budget);
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
}
