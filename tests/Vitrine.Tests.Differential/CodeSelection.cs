using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.Cpuid;

namespace Vitrine.Tests.Differential;

/// <summary>What is compared with the host: an engine of the software CPU, and which of its instructions can be.</summary>
internal sealed class CodeSelection
{
    // Their result is another on each machine, or depends on the descriptor tables of the host's Linux: whether they execute is all that can be compared.
    private static readonly HashSet<Mnemonic> _free =
    [
        Mnemonic.Cpuid, Mnemonic.Rdtsc, Mnemonic.Rdtscp, Mnemonic.Rdrand, Mnemonic.Rdseed, Mnemonic.Rdpid, Mnemonic.Rdpmc,
        Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw,
    ];

    private static readonly HashSet<Mnemonic> _forbidden =
    [
        // Into Linux.
        Mnemonic.Syscall, Mnemonic.Sysenter,

        // Depend on UMIP, which Linux turns on where it can, and then answers some of them itself.
        Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw,

        // The extent of the area depends on the host's features.
        Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xsavec, Mnemonic.Xsavec64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Xgetbv,
    ];

    // What else would end or change the oracle's process, among other instructions.
    private static readonly HashSet<Mnemonic> _incomparable =
    [
        .. _free, .. _forbidden, Mnemonic.Int,

        // Segments: selectors and far pointers.
        Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf,

        // Change what the signal frame doesn't hold.
        Mnemonic.Wrfsbase, Mnemonic.Wrgsbase,
    ];

    private readonly HashSet<CpuidFeature> _announced;
    private readonly HostBinder _native;

    private CodeSelection(SoftwareEngine engine, CpuModel model)
    {
        Engine = engine;
        Cpuid = model.Build(new CpuidEnvironment { Native = model == CpuModels.X8664V2 ? [] : HostProcessor.Cpuid }, 0);
        _native = new HostBinder(new CpuidTable(Cpuid));
        _announced = [.. CpuModels.X8664V2.InstructionSets.Select(Enum.Parse<CpuidFeature>)];
        Options = InstructionText.Options;
        if (_native.HasTzcnt) Options &= ~DecoderOptions.NoMPFX_0FBC;
        if (_native.HasLzcnt) Options &= ~DecoderOptions.NoMPFX_0FBD;
        Codes64 = For(64, _ => true);
        Codes32 = For(32, _ => true);
        Native64 = For(64, _native.Contains);
        Native32 = For(32, _native.Contains);
    }

    /// <summary>The interpreter alone, with all that it announces.</summary>
    public static CodeSelection Interpreter { get; } = new(SoftwareEngine.Interpreter, CpuModels.X8664V2);

    /// <summary>The engine that has the host at hand, with all that the host has.</summary>
    public static CodeSelection Translator { get; } = new(SoftwareEngine.Translator, CpuModels.Host);

    /// <summary>The translator as a processor that has less than the host.</summary>
    public static CodeSelection TranslatorOf(CpuModel model) => new(SoftwareEngine.Translator, model);

    /// <summary>The software CPU's engine.</summary>
    public SoftwareEngine Engine { get; }

    /// <summary>What it announces.</summary>
    public CpuidEntry[] Cpuid { get; }

    /// <summary>How its bytes are decoded.</summary>
    public DecoderOptions Options { get; }

    /// <summary>Instructions of 64-bit code that can be compared.</summary>
    public Code[] Codes64 { get; }

    /// <summary>Instructions of 32-bit code that can be compared.</summary>
    public Code[] Codes32 { get; }

    /// <summary>Of <see cref="Codes64"/>, those that the interpreter doesn't have.</summary>
    public Code[] Native64 { get; }

    /// <summary>Of <see cref="Codes32"/>, those that the interpreter doesn't have.</summary>
    public Code[] Native32 { get; }

    /// <summary>True when executing it natively is harmless, its result the same everywhere, and the software CPU has it.</summary>
    public bool IsComparable(Code code) =>
        IsAnnounced(code) && (OpTable.Instance.Contains(code) || _native.Contains(code)) && !_incomparable.Contains(code.Mnemonic()) && !LoadsSegment(code);

    /// <summary>True for the announced model's own.</summary>
    public bool IsAnnounced(Code code) =>
        code.ToOpCode().IsInstruction && (_native.Contains(code) || (code.Encoding() == EncodingKind.Legacy && code.CpuidFeatures().All(_announced.Contains)));

    /// <summary>False for an instruction that the processor must not have.</summary>
    public bool IsKnown(Code code) => code == Code.INVALID || IsAnnounced(code);

    /// <summary>True when only the exception and RIP can be compared.</summary>
    public bool HasFreeResult(Mnemonic mnemonic) => _free.Contains(mnemonic);

    /// <summary>True when a single one can be executed natively, and tells something.</summary>
    public bool IsSwept(in Instruction instruction)
    {
        const byte LinuxSystemCall = 0x80;
        return !_forbidden.Contains(instruction.Mnemonic) && !(instruction.Mnemonic == Mnemonic.Int && instruction.Immediate8 == LinuxSystemCall);
    }

    private Code[] For(int bitness, Func<Code, bool> condition) =>
        [.. Enum.GetValues<Code>().Where(code => (bitness == 64 ? code.ToOpCode().Mode64 : code.ToOpCode().Mode32) && IsComparable(code) && condition(code))];

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
