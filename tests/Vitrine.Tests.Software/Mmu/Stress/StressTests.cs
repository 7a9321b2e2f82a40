using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// Guests that rewrite their own page tables at random, held to SDM vol. 3, 4.10 after every step. <c>VITRINE_STRESS_SEQUENCES</c>
/// sets how many sequences (0: until stopped), <c>VITRINE_SEED</c> which ones.
/// </summary>
public sealed class StressTests(ITestOutputHelper output)
{
    private const long DefaultSequences = 5_000;
    private const ulong DefaultSeed = 20_262;

    [Theory]
    [MemberData(nameof(MmuModes.WithEngines), MemberType = typeof(MmuModes))]
    public void EveryStepIsWhatTheArchitecturePermits(MmuMode mode, SoftwareEngine engine)
    {
        Engines.SkipUnlessPresent(engine);
        long sequences = (long)RunSetting.Read("VITRINE_STRESS_SEQUENCES", DefaultSequences);
        ulong seed = RunSetting.Read("VITRINE_SEED", DefaultSeed);
        using StressRun run = new(mode, engine, seed);
        run.Run(sequences);
        string summary = $"{run.Sequences} sequences with seed {seed}: {run.Steps} steps, {run.Faults} faults, {run.BusAccesses} at devices, {run.Skipped} left out";
        output.WriteLine(summary);
        Assert.True(run.Reports.Count == 0, $"{summary}\n{string.Join("\n", run.Reports)}");
        Assert.True(run.Sequences >= sequences);

        // Enough of each kind that the comparison means something.
        Assert.InRange(run.Faults, run.Steps / 10, run.Steps / 2);
        Assert.InRange(run.BusAccesses, run.Steps / 200, run.Steps);
        Assert.InRange(run.Skipped, 0, run.Steps / 3);
    }
}
