using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Tests.Differential;
using Vitrine.X86.Cpuid;
using Xunit;

namespace Vitrine.Tests.Software.Interpreter;

/// <summary>
/// Every instruction of the announced CPU model, in any mode, is implemented or raises #UD on purpose; the list of instructions
/// is Iced's.
/// </summary>
public sealed unsafe class AnnouncedInstructionTests
{
    // SAFETY: an operation on the stack is all that binders write to.
    private static readonly HashSet<CpuidFeature> _announced = [.. CpuModels.X8664V2.InstructionSets.Select(Enum.Parse<CpuidFeature>)];

    /// <summary>Instructions that Iced files under announced features and that raise #UD all the same, by reason.</summary>
    private static readonly (string Reason, Code[] Codes)[] _refused =
    [
        ("UD0, UD1 and UD2 are defined to raise #UD (SDM vol. 2, UD).",
        [
            Code.Ud0, Code.Ud0_r16_rm16, Code.Ud0_r32_rm32, Code.Ud0_r64_rm64, Code.Ud1_r16_rm16, Code.Ud1_r32_rm32, Code.Ud1_r64_rm64,
            Code.Ud2,
        ]),
        ("The waiting forms are two instructions, WAIT and the form without it: the decoder only gives those.",
        [
            Code.Fstenv_m14byte, Code.Fstenv_m28byte, Code.Fstcw_m2byte, Code.Feni, Code.Fdisi, Code.Fclex, Code.Finit, Code.Fsetpm,
            Code.Fsave_m94byte, Code.Fsave_m108byte, Code.Fstsw_m2byte, Code.Fstsw_AX,
        ]),
    ];

    /// <summary>0F 0D is a hint without effect, also where PREFETCHW isn't announced: processors with Intel 64 don't raise #UD (SDM vol. 2, PREFETCHW).</summary>
    private static readonly Code[] _hints =
    [
        Code.Prefetch_m8, Code.Prefetchw_m8, Code.Prefetchwt1_m8, Code.Prefetchreserved3_m8, Code.Prefetchreserved4_m8,
        Code.Prefetchreserved5_m8, Code.Prefetchreserved6_m8, Code.Prefetchreserved7_m8,
    ];

    /// <summary>Those of models above it that need no host; until a guest turns them on, which takes the announcement, they raise #UD.</summary>
    private static readonly Code[] _enabled = [Code.Rdpkru, Code.Wrpkru];

    public static IEnumerable<Code> Announced => Enum.GetValues<Code>().Where(code =>
        code.ToOpCode().IsInstruction && code.CpuidFeatures().All(_announced.Contains));

    [Fact]
    public void NoneIsMissing()
    {
        HashSet<Code> refused = [.. _refused.SelectMany(group => group.Codes)];
        string[] missing = [.. Announced.Where(code => !OpTable.Instance.Contains(code) && !refused.Contains(code))
            .Select(code => $"{code} ({string.Join(" ", code.CpuidFeatures())})")];
        Assert.True(missing.Length == 0, "Neither implemented nor refused on purpose:\n" + string.Join("\n", missing));
    }

    [Theory]
    [InlineData("x86-64-v3")]
    [InlineData("host")]
    [InlineData("max")]
    public void WhatTheHostExecutesMakesTheModelComplete(string model)
    {
        HashSet<CpuidFeature> announced = [.. CpuModels.Get(model).InstructionSets.Select(Enum.Parse<CpuidFeature>)];
        HostBinder binder = new(new CpuidTable(CpuModels.Get(model).Build(new CpuidEnvironment(), 0)));
        HashSet<Code> refused = [.. _refused.SelectMany(group => group.Codes)];
        Code[] codes = [.. Enum.GetValues<Code>().Where(code => code.ToOpCode().IsInstruction && code.CpuidFeatures().All(announced.Contains))];
        Code[] missing = [.. codes.Where(code => !OpTable.Instance.Contains(code) && !binder.Contains(code) && !refused.Contains(code))];
        Assert.True(missing.Length == 0, string.Join("\n", missing));

        // And nothing beyond the model goes to the host.
        Code[] beyond = [.. Enum.GetValues<Code>().Where(code => binder.Contains(code) && !code.CpuidFeatures().All(announced.Contains))];
        Assert.True(beyond.Length == 0, string.Join("\n", beyond));
    }

    [Fact]
    public void WhatIsRefusedIsAnnouncedAndNotImplemented()
    {
        HashSet<Code> announced = [.. Announced];
        foreach ((string reason, Code[] codes) in _refused)
        {
            Assert.NotEmpty(reason);
            Assert.All(codes, code => Assert.True(announced.Contains(code) && !OpTable.Instance.Contains(code), $"{code}: {reason}"));
        }
    }

    [Fact]
    public void TheDecoderGivesWaitingFormsInTwo()
    {
        // 9B D9 /6, FSTENV.
        Decoder decoder = Decoder.Create(64, new byte[] { 0x9B, 0xD9, 0x30 });
        Assert.Equal(Code.Wait, decoder.Decode().Code);
        Assert.Equal(Code.Fnstenv_m28byte, decoder.Decode().Code);
        Assert.All(_refused[1].Codes, code => Assert.StartsWith("9B ", code.ToOpCode().ToOpCodeString(), StringComparison.Ordinal));
    }

    [Fact]
    public void NothingElseIsImplemented()
    {
        HashSet<Code> announced = [.. Announced, .. _hints, .. _enabled];
        Code[] others = [.. Enum.GetValues<Code>().Where(code => OpTable.Instance.Contains(code) && !announced.Contains(code))];
        Assert.True(others.Length == 0, "Implemented but not announced:\n" +
            string.Join("\n", others.Select(code => $"{code} ({string.Join(" ", code.CpuidFeatures())})")));
    }

    [Fact]
    public void EveryBinderSetsAHandler()
    {
        const int Forms = 12;
        OperandFactory operands = new(new CaseRandom(1));
        List<string> failures = [];
        foreach (Code code in Announced.Where(OpTable.Instance.Contains))
        {
            int bitness = code.ToOpCode().Mode64 ? 64 : 32;
            int bound = 0;
            for (int i = 0; i < Forms; i++)
            {
                MachineImage image = default;
                if (!operands.TryCreate(code, bitness, ref image, out Instruction instruction)) break;
                ExecutionMode mode = bitness == 64 ? ExecutionMode.Code64 | ExecutionMode.LongMode : ExecutionMode.Code32 | ExecutionMode.Stack32;
                BindContext context = new(mode | ExecutionMode.Protected);
                Op op = default;
                OpTable.Instance.Bind(instruction, context, &op);
                if (op.Handler == null) failures.Add($"{code}: {instruction}");
                bound++;
            }

            if (bound == 0 && !IsFarDirect(code)) failures.Add($"{code}: no operands");
        }

        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static bool IsFarDirect(Code code) =>
        code.ToOpCode().OpCount > 0 && code.ToOpCode().Op0Kind is OpCodeOperandKind.farbr2_2 or OpCodeOperandKind.farbr4_2;
}
