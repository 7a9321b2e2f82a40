using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>
/// The arithmetic flags along a sequence of instructions: where one holds what the manual leaves undefined, and where its value can no longer
/// be seen, whatever the registers hold. A branch counts as taken and as not taken; where an indirect one goes, anything can be.
/// </summary>
internal static class FlagFlow
{
    private const ulong Cf = 1;
    private const ulong Af = 0x10;
    private const ulong Of = 0x800;

    /// <summary>The six arithmetic flags in RFLAGS.</summary>
    public const ulong Arithmetic = 0x8D5;

    /// <summary>For each instruction the flags that may be undefined before it; last, those that may be where the sequence is left.</summary>
    public static ulong[] UndefinedBefore(List<Instruction> instructions)
    {
        ulong[] before = new ulong[instructions.Count + 1];
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < instructions.Count; i++)
            {
                (ulong defined, ulong undefined) = Effect(instructions[i]);
                ulong behind = (before[i] & ~defined) | undefined;
                foreach (int next in Successors(instructions, i))
                {
                    changed |= (before[next] | behind) != before[next];
                    before[next] |= behind;
                }
            }
        }

        return before;
    }

    /// <summary>True when a flag that may be undefined decides something.</summary>
    public static bool ReadsUndefined(List<Instruction> instructions)
    {
        ulong[] before = UndefinedBefore(instructions);
        for (int i = 0; i < instructions.Count; i++)
        {
            if ((before[i] & Flags(instructions[i].RflagsRead)) != 0) return true;
        }

        return false;
    }

    /// <summary>
    /// The flags whose values before an instruction nothing reads: from there on they are overwritten first, whichever way is taken, before the
    /// sequence is left, called away from or returned from. Faults don't count as readers.
    /// </summary>
    /// <param name="instructions">The sequence.</param>
    /// <param name="from">An instruction's index. Beyond the last, or where nobody knows which it is, all flags count as unread.</param>
    public static ulong OverwrittenUnseen(List<Instruction> instructions, int from)
    {
        if (from >= instructions.Count) return Arithmetic;
        ulong[] read = new ulong[instructions.Count + 1];
        read[instructions.Count] = Arithmetic;
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = instructions.Count - 1; i >= 0; i--)
            {
                ulong behind = instructions[i].FlowControl is FlowControl.Next or FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch
                    ? Successors(instructions, i).Aggregate(0UL, (flags, next) => flags | read[next])
                    : Arithmetic;
                ulong before = Flags(instructions[i].RflagsRead) | (behind & ~Effect(instructions[i]).Written);
                changed |= before != read[i];
                read[i] = before;
            }
        }

        return Arithmetic & ~read[from];
    }

    /// <summary>The flags that an instruction writes in any case, and those that may be undefined behind it.</summary>
    public static (ulong Written, ulong Undefined) Effect(in Instruction instruction)
    {
        ulong written = Flags(instruction.RflagsModified);
        int bits = Bits(instruction);
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                ulong beyond = instruction.Mnemonic == Mnemonic.Sar ? 0 : Cf;
                if (Count(instruction, 1, bits) is not { } shift) return (0, Af | Of | (bits < 32 ? beyond : 0));
                return shift == 0 ? (0, 0) : (written, Af | (shift > 1 ? Of : 0) | (shift >= bits ? beyond : 0));
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                if (Count(instruction, 1, bits) is not { } rotation) return (0, Of);
                return rotation == 0 ? (0, 0) : (written, rotation > 1 ? Of : 0);
            case Mnemonic.Shld or Mnemonic.Shrd:
                if (Count(instruction, 2, bits) is not { } distance) return (0, Af | Of);
                return distance == 0 ? (0, 0) : (written, Af | (distance > 1 ? Of : 0));
            default:
                // A repeat count of zero leaves them as they were.
                if (instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix)) written = 0;
                return (written, Flags(instruction.RflagsUndefined));
        }
    }

    private static IEnumerable<int> Successors(List<Instruction> instructions, int i)
    {
        Instruction instruction = instructions[i];
        switch (instruction.FlowControl)
        {
            case FlowControl.Next:
                return [i + 1];
            case FlowControl.ConditionalBranch:
                return [i + 1, IndexOf(instructions, instruction.NearBranchTarget)];
            case FlowControl.UnconditionalBranch or FlowControl.Call:
                return [IndexOf(instructions, instruction.NearBranchTarget)];
            case FlowControl.IndirectBranch or FlowControl.IndirectCall or FlowControl.Return:
                return Enumerable.Range(0, instructions.Count + 1);
            default:
                return [instructions.Count];
        }
    }

    /// <summary>The index of the instruction at an address; the number of instructions for any other.</summary>
    public static int IndexOf(List<Instruction> instructions, ulong address)
    {
        int index = instructions.FindIndex(instruction => instruction.IP == address);
        return index < 0 ? instructions.Count : index;
    }

    private static int Bits(in Instruction instruction) =>
        (instruction.OpCount > 0 && instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize()) * 8;

    private static int? Count(in Instruction instruction, int operand, int bits) =>
        instruction.GetOpKind(operand) == OpKind.Register ? null : (int)instruction.GetImmediate(operand) & (bits == 64 ? 63 : 31);

    /// <summary>The same flags as bits of RFLAGS.</summary>
    public static ulong Flags(RflagsBits bits)
    {
        ulong flags = 0;
        if ((bits & RflagsBits.CF) != 0) flags |= Cf;
        if ((bits & RflagsBits.PF) != 0) flags |= 4;
        if ((bits & RflagsBits.AF) != 0) flags |= Af;
        if ((bits & RflagsBits.ZF) != 0) flags |= 0x40;
        if ((bits & RflagsBits.SF) != 0) flags |= 0x80;
        if ((bits & RflagsBits.OF) != 0) flags |= Of;
        return flags;
    }
}
