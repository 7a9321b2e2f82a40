using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Tests.Software;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Differential;

/// <summary>Encodings that decoders get wrong: what the manual makes of them (SDM vol. 2, 2.1 to 2.3 and appendix A), the host, and each engine.</summary>
// SAFETY: a case and its outcome are in native memory of their sizes, owned by the run of a test.
public sealed unsafe class EncodingCaseTests
{
    // Outcomes: the instruction completes and is as long as its bytes; so with AVX and #UD without ("vex"); or an exception.
    private static readonly (int Bitness, string Code, string Outcome)[] _cases =
    [
        // VZEROUPPER and VZEROALL: W, X and B count for nothing, vvvv must be 1111b, and no prefix may change the operand size or come as REX.
        (64, "C5F877", "vex"), (64, "C5FC77", "vex"), (64, "C4E17877", "vex"), (64, "C4E17C77", "vex"), (64, "C4E1F877", "vex"), (64, "C4E1FC77", "vex"),
        (64, "C4C1F877", "vex"), (64, "C4A1FC77", "vex"), (64, "C461F877", "vex"), (64, "2EC5F877", "vex"), (64, "67C4E1F877", "vex"), (64, "65C4E1FC77", "vex"),
        (64, "C5F077", "#UD"), (64, "C4E1F077", "#UD"), (64, "C4E1F977", "#UD"), (64, "66C5F877", "#UD"), (64, "F0C5F877", "#UD"), (64, "F2C5F877", "#UD"),
        (64, "F3C4E1F877", "#UD"), (64, "48C5F877", "#UD"), (64, "40C4E1F877", "#UD"), (64, "C4E0F877", "#UD"), (64, "C4E4F877", "#UD"), (64, "48662EC5F877", "#UD"),
        (32, "C5F877", "vex"), (32, "C4E1F877", "vex"), (32, "C4E1FC77", "vex"), (32, "C4C1F877", "vex"), (32, "66C5F877", "#UD"), (32, "F0C4E1F877", "#UD"),
        (16, "C5F877", "vex"), (16, "C4E1F877", "vex"), (16, "C4E1FC77", "vex"), (16, "66C4E1F877", "#UD"),

        // Only what stands right before the opcode is REX; the last of F2 and F3 counts.
        (64, "486601C0", "ok"), (64, "4866F3480F7EC0", "ok"), (64, "F2F30F58C1", "ok"), (64, "F3F20F58C1", "ok"), (64, "66F30F58C1", "ok"), (64, "404F01C0", "ok"),
        (64, "F266480F6EC0", "#UD"), (64, "2E3626643EF390", "ok"), (32, "2E3626643E90", "ok"),

        // Fifteen bytes, and no more.
        (64, "666666666666666666666666666690", "ok"), (64, "66666666666666666666666666666690", "#GP"), (32, "2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E90", "#GP"),
        (16, "3E3E3E3E3E3E3E3E3E3E3E3E3E3E90", "ok"), (64, "2E2E2E2E67C7808000000078563412", "ok"), (64, "2E2E2E2E2E67C7808000000078563412", "#GP"),

        // LOCK.
        (64, "F00100", "ok"), (64, "F001C0", "#UD"), (64, "F08900", "#UD"), (64, "F00FC100", "ok"), (64, "F00FA300", "#UD"), (64, "F090", "#UD"), (64, "F08700", "ok"),
        (64, "F03900", "#UD"), (64, "F0FE00", "ok"), (64, "F0F618", "ok"), (64, "F0F620", "#UD"), (64, "F00FBA2801", "ok"), (64, "F00FBA2001", "#UD"),

        // Aliases, and what 64-bit code has lost.
        (32, "D6", "ok"), (64, "D6", "#UD"), (32, "82C001", "ok"), (64, "82C001", "#UD"), (64, "C0F001", "ok"), (64, "D1F0", "ok"), (64, "F6C801", "ok"),
        (64, "F7C878563412", "ok"), (64, "FFFF", "#UD"), (64, "FED0", "#UD"), (64, "8FC8", "#UD"), (64, "C6C800", "#UD"), (64, "C7C800000000", "#UD"),
        (64, "0FFFC0", "#UD"), (64, "0FB9C0", "#UD"), (64, "0F0B", "#UD"), (64, "0F04", "#UD"), (64, "0F24C0", "#UD"), (64, "0FA6C0", "#UD"), (64, "06", "#UD"),
        (64, "62F3", "#UD"), (64, "9A0000000000", "#UD"), (64, "D50A", "#UD"), (32, "D50A", "ok"), (64, "8EC8", "#UD"), (64, "8CF8", "#UD"), (64, "8EF8", "#UD"),
        (64, "DCD0", "ok"), (64, "DCD8", "ok"), (64, "DDC8", "ok"), (64, "DED0", "ok"), (64, "DFC0", "ok"), (64, "DFC8", "ok"), (64, "DFD0", "ok"), (64, "DFD8", "ok"),
        (64, "DBE0", "ok"), (64, "DBE1", "ok"), (64, "DBE4", "ok"), (64, "DBE5", "#UD"), (64, "D9D1", "#UD"), (64, "D9E2", "#UD"), (64, "DAE8", "#UD"), (64, "DEDA", "#UD"),

        // Hints that are no-operations where nothing else is announced.
        (64, "0F0D00", "ok"), (64, "0F0D38", "ok"), (64, "0F18C0", "ok"), (64, "0F1838", "ok"), (64, "0F19C0", "ok"), (64, "660F1AC0", "ok"), (64, "F30F1BC0", "ok"),
        (64, "0F1C00", "ok"), (64, "0F1DC0", "ok"), (64, "F30F1EC8", "ok"), (64, "F3480F1EC8", "ok"), (64, "F30F1EFA", "ok"), (64, "F20F1FC0", "ok"),
        (32, "F30F1EFB", "ok"), (16, "0F1FC0", "ok"),

        // Operand and address sizes.
        (16, "66B878563412", "ok"), (16, "B83412", "ok"), (16, "678B00", "ok"), (16, "8B07", "ok"), (32, "66B83412", "ok"), (32, "678B07", "#PF"), (64, "66B83412", "ok"),
        (64, "6648B8EFCDAB8967452301", "ok"), (64, "67488D00", "ok"), (64, "67A0785634120000000000", "#PF"),

        // Bounds and far pointers of two words at FFFE: the second is at 0, and only the page of the first is not there.
        (16, "62BCFEB7", "#PF"), (16, "C4BCFEB7", "#PF"), (16, "C5BCFEB7", "#PF"), (16, "0FB2BCFEB7", "#PF"), (16, "0FB4BCFEB7", "#PF"), (16, "0FB5BCFEB7", "#PF"),
        (16, "FF9CFEB7", "#PF"), (16, "FFACFEB7", "#PF"), (16, "6662BCFCB7", "#PF"), (16, "66C4BCFCB7", "#PF"), (16, "668BBCFEB7", "#GP"), (16, "62BCFFB7", "#GP"),
    ];

    /// <summary>Theory data: what executes the cases.</summary>
    public static TheoryData<string> Processors => ["host", "interpreter", "translator as host", "translator as x86-64-v3", "translator as x86-64-v2"];

    [Theory]
    [MemberData(nameof(Processors))]
    public void EncodingsAreWhatTheManualSays(string processor)
    {
        List<string> wrong = processor == "host" ? OnHost() : OnSoftware(Find(processor));
        Assert.True(wrong.Count == 0, $"{processor}:\n{string.Join("\n", wrong)}");
    }

    private static CodeSelection Find(string processor)
    {
        CodeSelection selection = processor switch
        {
            "interpreter" => CodeSelection.Interpreter,
            "translator as host" => CodeSelection.Translator,
            "translator as x86-64-v3" when HostProcessor.HasAvx => CodeSelection.TranslatorOf(CpuModels.X8664V3),
            _ => CodeSelection.TranslatorOf(CpuModels.X8664V2),
        };
        Engines.SkipUnlessPresent(selection.Engine);
        return selection;
    }

    private static List<string> OnHost()
    {
        Assert.SkipUnless(NativeOracle.IsAvailable, NativeOracle.Missing);
        using NativeOracle oracle = new();
        Assert.SkipUnless(oracle.HasLocalTable, NativeOracle.NoLocalTable);
        for (int i = 0; i < _cases.Length; i++) Create(i, oracle.Case(i));
        oracle.Start(_cases.Length);
        oracle.Finish();
        List<string> wrong = [];
        for (int i = 0; i < _cases.Length; i++) Check(i, oracle.Outcome(i), HostProcessor.HasAvx, wrong);
        return wrong;
    }

    private static List<string> OnSoftware(CodeSelection selection)
    {
        OracleCase* test = (OracleCase*)NativeMemory.AllocZeroed(OracleLayout.CaseStride);
        OracleOutcome* outcome = (OracleOutcome*)NativeMemory.AllocZeroed(OracleLayout.OutcomeStride);
        List<string> wrong = [];
        using SoftwareGuest guest = new(selection);
        byte[] memory = new byte[OracleLayout.DataSize];
        guest.Begin(memory.AsSpan(0, 0x1000));
        for (int i = 0; i < _cases.Length; i++)
        {
            Create(i, test);
            Assert.Null(guest.Run(test, memory, outcome));
            Check(i, outcome, selection.IsAnnounced(Iced.Intel.Code.VEX_Vzeroupper), wrong);
        }

        NativeMemory.Free(test);
        NativeMemory.Free(outcome);
        return wrong;
    }

    private static void Create(int number, OracleCase* test)
    {
        (int bitness, string text, _) = _cases[number];
        byte[] code = Convert.FromHexString(text);
        ref MachineImage image = ref test->Image;
        image = default;
        image.CodeSelector = bitness == 64 ? OracleLayout.Code64 : bitness == 32 ? OracleLayout.Code32 : LocalSegments.SmallCode;
        image.StackSelector = bitness == 16 ? LocalSegments.Writable[0] : OracleLayout.Stack;
        image.SetDataSelector(Seg.Ds, image.StackSelector);
        image.SetDataSelector(Seg.Es, image.StackSelector);
        ulong data = OracleLayout.Data + 0x800 - LocalSegments.BaseOf(image.StackSelector);
        for (int i = 0; i < (bitness == 64 ? 16 : 8); i++) image.SetGeneral(i, data);
        image.Rflags = Rflags.Fixed | Rflags.IF;
        image.Mxcsr = 0x1F80;
        image.ControlWord = 0x37F;
        image.Tag = 0xFF;
        test->CodeAddress = OracleLayout.Code + (ulong)(number * OracleLayout.SlotSize);
        image.Rip = test->CodeAddress - LocalSegments.BaseOf(image.CodeSelector);
        test->InstructionLength = code.Length;
        test->CodeLength = OracleCase.CodeCapacity;
        code.CopyTo(new Span<byte>(test->Code, OracleCase.CodeCapacity));
        new Span<byte>(test->Code + code.Length, OracleCase.CodeCapacity - code.Length).Fill(0xCC);
    }

    private static void Check(int number, OracleOutcome* outcome, bool hasAvx, List<string> wrong)
    {
        const int Breakpoint = 1;
        (int bitness, string text, string expected) = _cases[number];
        ref MachineImage image = ref outcome->Image;
        ulong start = OracleLayout.Code + (ulong)(number * OracleLayout.SlotSize) - LocalSegments.BaseOf(image.CodeSelector);
        ulong vector = expected switch
        {
            "#UD" => ExceptionVector.UD,
            "#GP" => ExceptionVector.GP,
            "#PF" => ExceptionVector.PF,
            "vex" when !hasAvx => ExceptionVector.UD,
            _ => ExceptionVector.BP,
        };
        ulong rip = start + (vector == ExceptionVector.BP ? (ulong)(text.Length / 2) + Breakpoint : 0);
        if (image.Vector == vector && image.Rip == rip) return;
        wrong.Add($"{text} in {bitness}-bit code: {OutcomeComparison.Exception(ref image)} {(long)(image.Rip - start)} bytes on, not {expected}");
    }
}
