using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>The instruction codes that sequences are made of, by what a translator has to do with them.</summary>
internal sealed class SequenceCodes
{
    private SequenceCodes(CodeSelection selection, bool is64)
    {
        Code[] codes = [.. (is64 ? selection.Codes64 : selection.Codes32).Where(IsSuited)];
        Integer = [.. codes.Where(code => IsInteger(code.Mnemonic()) && !UsesVectors(code))];
        FlagReaders = [.. codes.Where(code => code.ToOpCode().OpCount > 0 && !UsesVectors(code) && ReadsFlags(code))];
        Partial = [.. codes.Where(code => WritesSomeFlags(code.Mnemonic()))];
        Stack = [.. codes.Where(code => code.Mnemonic() is Mnemonic.Push or Mnemonic.Pop or Mnemonic.Pushfq or Mnemonic.Pushfd or Mnemonic.Leave or Mnemonic.Enter)];
        Vectors = [.. codes.Where(UsesVectors)];
        X87 = [.. codes.Where(code => UsesX87(code))];
        Strings = [.. codes.Where(code => Enumerable.Range(0, code.ToOpCode().OpCount).Any(i =>
            code.ToOpCode().GetOpKind(i) is OpCodeOperandKind.es_rDI or OpCodeOperandKind.seg_rSI))];
        Branches = [.. (is64 ? selection.Codes64 : selection.Codes32).Where(code => code.FlowControl() == FlowControl.ConditionalBranch && !IsOperandSize16(code))];
        All = codes;
    }

    /// <summary>Arithmetic, logic, moves, shifts, bits.</summary>
    public Code[] Integer { get; }

    /// <summary>What reads an arithmetic flag and has operands: ADC, SETcc, CMOVcc, RCL.</summary>
    public Code[] FlagReaders { get; }

    /// <summary>What leaves some arithmetic flags as they were, or all of them when its count is zero.</summary>
    public Code[] Partial { get; }

    /// <summary>Pushes and pops.</summary>
    public Code[] Stack { get; }

    /// <summary>XMM and YMM registers.</summary>
    public Code[] Vectors { get; }

    /// <summary>x87 and MMX.</summary>
    public Code[] X87 { get; }

    /// <summary>String instructions.</summary>
    public Code[] Strings { get; }

    /// <summary>Jcc, LOOP, JRCXZ.</summary>
    public Code[] Branches { get; }

    /// <summary>All of them but branches, and whatever else an instruction can be.</summary>
    public Code[] All { get; }

    /// <summary>The codes of a selection.</summary>
    public static (SequenceCodes Codes64, SequenceCodes Codes32) For(CodeSelection selection) => (new(selection, true), new(selection, false));

    /// <summary>Its outcome is the same everywhere, whatever comes before it.</summary>
    private static bool IsSuited(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        bool shiftsTooFar = code.Mnemonic() is Mnemonic.Shld or Mnemonic.Shrd && info.OperandSize == 16;
        bool gathers = Enumerable.Range(0, info.OpCount).Any(i => info.GetOpKind(i) is OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib32y
            or OpCodeOperandKind.mem_vsib64x or OpCodeOperandKind.mem_vsib64y);

        // Its operand isn't of the same size with all vendors (VendorDifferences).
        if (code == Code.Movsxd_r16_rm16) return false;
        return code.FlowControl() == FlowControl.Next && !shiftsTooFar && !gathers && !IsStateImage(code.Mnemonic()) && !PushesSelector(code);
    }

    private static bool IsStateImage(Mnemonic mnemonic) => mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fnsave or Mnemonic.Fnstenv
        or Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Frstor or Mnemonic.Fldenv;

    private static bool PushesSelector(Code code) => code.Mnemonic() is Mnemonic.Push or Mnemonic.Pop && code.ToOpCode().Op0Kind
        is OpCodeOperandKind.cs or OpCodeOperandKind.ds or OpCodeOperandKind.es or OpCodeOperandKind.ss or OpCodeOperandKind.fs or OpCodeOperandKind.gs;

    private static bool IsOperandSize16(Code code) => code.ToOpCode().Op0Kind is OpCodeOperandKind.br16_1 or OpCodeOperandKind.br16_2;

    private static bool Has(Code code, Func<OpCodeOperandKind, bool> kind) => Enumerable.Range(0, code.ToOpCode().OpCount).Any(i => kind(code.ToOpCode().GetOpKind(i)));

    private static bool UsesVectors(Code code) => Has(code, kind => kind is OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_or_mem
        or OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_vvvv);

    private static bool UsesX87(Code code) => code.CpuidFeatures().Any(feature => feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387
        or CpuidFeature.MMX) || Has(code, kind => kind is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem);

    private static bool ReadsFlags(Code code)
    {
        const RflagsBits Flags = RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;
        Instruction instruction = new() { Code = code };
        return (instruction.RflagsRead & Flags) != 0;
    }

    private static bool WritesSomeFlags(Mnemonic mnemonic) => mnemonic is Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr
        or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd or Mnemonic.Bt or Mnemonic.Bts
        or Mnemonic.Btr or Mnemonic.Btc or Mnemonic.Stc or Mnemonic.Clc or Mnemonic.Cmc or Mnemonic.Sahf or Mnemonic.Adcx or Mnemonic.Adox
        or Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b;

    private static bool IsInteger(Mnemonic mnemonic) => mnemonic is Mnemonic.Add or Mnemonic.Sub or Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.Cmp
        or Mnemonic.Test or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not or Mnemonic.Mov
        or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Lea or Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Cmpxchg or Mnemonic.Imul
        or Mnemonic.Mul or Mnemonic.Bsf or Mnemonic.Bsr or Mnemonic.Bswap or Mnemonic.Popcnt or Mnemonic.Movbe or Mnemonic.Cbw or Mnemonic.Cwde
        or Mnemonic.Cdqe or Mnemonic.Cwd or Mnemonic.Cdq or Mnemonic.Cqo or Mnemonic.Lahf or Mnemonic.Crc32 or Mnemonic.Movnti;
}
