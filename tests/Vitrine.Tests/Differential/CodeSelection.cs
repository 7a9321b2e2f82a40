using Iced.Intel;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.X86.Cpuid;

namespace Vitrine.Tests.Differential;

/// <summary>Which instructions can be compared with the host's.</summary>
internal static class CodeSelection
{
    private static readonly HashSet<CpuidFeature> _announced =
        [.. CpuModels.X8664V2.InstructionSets.Select(Enum.Parse<CpuidFeature>)];

    // Results that differ from machine to machine, or would end or change the oracle's process.
    private static readonly HashSet<Mnemonic> _incomparable =
    [
        // Identity, time and chance.
        Mnemonic.Cpuid, Mnemonic.Rdtsc, Mnemonic.Rdtscp, Mnemonic.Rdrand, Mnemonic.Rdpmc,

        // Into Linux.
        Mnemonic.Syscall, Mnemonic.Sysenter, Mnemonic.Int,

        // Depend on the descriptor tables of the host's Linux, or on UMIP, which Linux turns on where it can.
        Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw, Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw,
        Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs,
        Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf,

        // Change what the signal frame doesn't hold.
        Mnemonic.Wrfsbase, Mnemonic.Wrgsbase,

        // The extent of the area depends on the host's features.
        Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Xgetbv,
    ];

    /// <summary>Instructions of the announced model that the host runs as well.</summary>
    public static Code[] For(int bitness) =>
        [.. Enum.GetValues<Code>().Where(code => IsComparable(code) && (bitness == 64 ? code.ToOpCode().Mode64 : code.ToOpCode().Mode32)
            && OpTable.Instance.Contains(code))];

    /// <summary>True when executing it natively is harmless and its result the same everywhere.</summary>
    public static bool IsComparable(Code code) =>
        IsAnnounced(code) && !_incomparable.Contains(code.Mnemonic()) && !LoadsSegment(code);

    /// <summary>True for the announced model's own.</summary>
    public static bool IsAnnounced(Code code) =>
        code.ToOpCode().IsInstruction && code.Encoding() == EncodingKind.Legacy && code.CpuidFeatures().All(_announced.Contains);

    private static bool LoadsSegment(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        if (code.Mnemonic() is Mnemonic.Mov or Mnemonic.Pop)
        {
            return info.OpCount > 0 && info.Op0Kind is OpCodeOperandKind.seg_reg or OpCodeOperandKind.es or OpCodeOperandKind.ss
                or OpCodeOperandKind.ds or OpCodeOperandKind.fs or OpCodeOperandKind.gs;
        }

        return code.Mnemonic() is Mnemonic.Call or Mnemonic.Jmp && code.FlowControl() != FlowControl.ConditionalBranch
            && IsFar(info);
    }

    private static bool IsFar(OpCodeInfo info) =>
        info.Op0Kind is OpCodeOperandKind.farbr2_2 or OpCodeOperandKind.farbr4_2 || info.Code.ToString().Contains("_m16", StringComparison.Ordinal);
}
