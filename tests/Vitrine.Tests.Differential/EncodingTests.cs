using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Tests.Software;
using Vitrine.X86.Cpuid;
using Xunit;

namespace Vitrine.Tests.Differential;

/// <summary>
/// The host CPU as oracle for encodings: random bytes with all prefixes in 64-bit, 32-bit and 16-bit code. <c>VITRINE_ENCODING_CASES</c> sets how many
/// (0: until stopped), <c>VITRINE_SEED</c> which ones.
/// </summary>
public abstract class EncodingTests(ITestOutputHelper output)
{
    private const ulong DefaultCases = 65_536;
    private const ulong DefaultSeed = 77_001;

    public sealed class Interpreted(ITestOutputHelper output) : EncodingTests(output)
    {
        [Fact]
        public void InterpreterAgreesWithTheHost() => Compare(CodeSelection.Interpreter, DefaultSeed);
    }

    public sealed class Translated(ITestOutputHelper output) : EncodingTests(output)
    {
        [Fact]
        public void TranslatorAgreesWithTheHost() => Compare(CodeSelection.Translator, DefaultSeed + 1);
    }

    public sealed class TranslatedV3(ITestOutputHelper output) : EncodingTests(output)
    {
        [Fact]
        public void TranslatorOfLevel3AgreesWithTheHost()
        {
            Assert.SkipUnless(HostProcessor.HasAvx, "the model needs a host with AVX2");
            Compare(CodeSelection.TranslatorOf(CpuModels.X8664V3), DefaultSeed + 2);
        }
    }

    public sealed class TranslatedV2(ITestOutputHelper output) : EncodingTests(output)
    {
        [Fact]
        public void TranslatorOfLevel2AgreesWithTheHost() => Compare(CodeSelection.TranslatorOf(CpuModels.X8664V2), DefaultSeed + 3);
    }

    private void Compare(CodeSelection selection, ulong defaultSeed)
    {
        Engines.SkipUnlessPresent(selection.Engine);
        Assert.SkipUnless(NativeOracle.IsAvailable, NativeOracle.Missing);
        long cases = (long)RunSetting.Read("VITRINE_ENCODING_CASES", DefaultCases);
        ulong seed = RunSetting.Read("VITRINE_SEED", defaultSeed);
        using DifferentialRun run = new(seed, selection, (random, of) => new EncodingGenerator(random, of));
        Assert.SkipUnless(run.HasLocalTable, NativeOracle.NoLocalTable);
        run.Run(cases);
        string summary = $"{run.Cases} encodings of the {selection.Engine} with seed {seed}";
        output.WriteLine(summary);
        foreach ((string kind, int count) in run.Findings.OrderBy(pair => pair.Key, StringComparer.Ordinal)) output.WriteLine($"{count,6} {kind}");
        Assert.True(run.Reports.Count == 0, $"{summary}: host and software CPU disagree.\n{string.Join("\n", run.Reports)}");
        Assert.True(run.Cases >= cases);
    }
}
