using Iced.Intel;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>Flags that the manual leaves undefined (SDM vol. 2, each instruction's "Flags Affected"; vol. 1, appendix A).</summary>
internal static class Undefined
{
    private const ulong Cf = 1;
    private const ulong Of = 0x800;
    private const ulong Af = 0x10;
    private const ulong All = 0x8D5;

    /// <summary>What an instruction that completes leaves undefined, given the registers before it.</summary>
    public static ulong Flags(in Instruction instruction, ref MachineImage before)
    {
        RflagsBits bits = instruction.RflagsUndefined;
        ulong undefined = 0;
        if ((bits & RflagsBits.CF) != 0) undefined |= Cf;
        if ((bits & RflagsBits.PF) != 0) undefined |= 4;
        if ((bits & RflagsBits.AF) != 0) undefined |= Af;
        if ((bits & RflagsBits.ZF) != 0) undefined |= 0x40;
        if ((bits & RflagsBits.SF) != 0) undefined |= 0x80;
        if ((bits & RflagsBits.OF) != 0) undefined |= Of;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                return ShiftCount(instruction, 1, ref before) <= 1 ? 0 : Of;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                int count = ShiftCount(instruction, 1, ref before);
                if (count == 0) return 0;
                undefined = count == 1 ? Af : Af | Of;
                if (count >= Bits(instruction) && instruction.Mnemonic != Mnemonic.Sar) undefined |= Cf;
                return undefined;
            case Mnemonic.Shld or Mnemonic.Shrd:
                count = ShiftCount(instruction, 2, ref before);
                if (count == 0) return 0;
                return count > Bits(instruction) ? All : count == 1 ? Af : Af | Of;
            default:
                return undefined;
        }
    }

    private static int Bits(in Instruction instruction) =>
        (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize()) * 8;

    private static int ShiftCount(in Instruction instruction, int operand, ref MachineImage before)
    {
        int mask = Bits(instruction) == 64 ? 63 : 31;
        return (int)(instruction.GetOpKind(operand) == OpKind.Register ? before.General(Gpr.Rcx) : instruction.GetImmediate(operand)) & mask;
    }
}
