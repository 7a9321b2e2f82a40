using Vitrine.Accelerators.Software;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Differential;

/// <summary>
/// The host CPU as oracle: random user-mode instructions with random state, executed natively and by the software CPU.
/// <c>VITRINE_DIFFERENTIAL_CASES</c> sets how many (0: until stopped), <c>VITRINE_SEED</c> which ones.
/// </summary>
public abstract class DifferentialTests(ITestOutputHelper output)
{
    private const long DefaultCases = 131_072;
    private const ulong DefaultSeed = 20_261;

    public sealed class Interpreted(ITestOutputHelper output) : DifferentialTests(output)
    {
        [Fact]
        public void InterpreterAgreesWithTheHost() => Compare(SoftwareEngine.Interpreter, DefaultSeed);
    }

    public sealed class Translated(ITestOutputHelper output) : DifferentialTests(output)
    {
        [Fact]
        public void TranslatorAgreesWithTheHost() => Compare(SoftwareEngine.Translator, DefaultSeed + 1);
    }

    private void Compare(SoftwareEngine engine, ulong defaultSeed)
    {
        Engines.SkipUnlessPresent(engine);
        Assert.SkipUnless(NativeOracle.IsAvailable, NativeOracle.Missing);
        long cases = (long)RunSetting.Read("VITRINE_DIFFERENTIAL_CASES", DefaultCases);
        ulong seed = RunSetting.Read("VITRINE_SEED", defaultSeed);
        using DifferentialRun run = new(seed, engine == SoftwareEngine.Translator ? CodeSelection.Translator : CodeSelection.Interpreter, (random, selection) => new CaseGenerator(random, selection));
        run.Run(cases);
        string summary = $"{run.Cases} cases of the {engine} with seed {seed}";
        output.WriteLine(summary);
        foreach ((string kind, int count) in run.Findings.OrderBy(pair => pair.Key, StringComparer.Ordinal)) output.WriteLine($"{count,6} {kind}");
        Assert.True(run.Reports.Count == 0, $"{summary}: host and software CPU disagree.\n{string.Join("\n", run.Reports)}");
        Assert.True(run.Cases >= cases);
    }
}
