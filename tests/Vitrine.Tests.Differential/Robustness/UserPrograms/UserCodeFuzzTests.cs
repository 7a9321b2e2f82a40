using Vitrine.Accelerators.Software;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>
/// Random user programs under a small kernel, of bytes by chance and of likelier instructions: the translator ends them as the interpreter does.
/// VITRINE_FUZZ_CASES counts batches of <see cref="UserFuzzRun.BatchSize"/> programs.
/// </summary>
public sealed class UserCodeFuzzTests(ITestOutputHelper output)
{
    private const int Batches = 600;

    [Fact]
    public void BothEnginesEndUserProgramsAlike()
    {
        Engines.SkipUnlessPresent(SoftwareEngine.Translator);
        FuzzRun fuzz = new(nameof(BothEnginesEndUserProgramsAlike), Batches);
        using LoopWatch watch = new();
        UserFuzzRun run = new(watch);
        Exception? failure = watch.RunCases(() => fuzz.Run(run.Batch), run.Position);
        output.WriteLine($"{run.Compared} programs compared, {run.Endless} without an end, {run.Open} undecided, {run.Slow} slow; {run.Translated} blocks translated, {run.Flushes} flushes");
        output.WriteLine(string.Join(", ", run.Ends.Index().Where(end => end.Item > 0).Select(end => $"#{end.Index}: {end.Item}")));
        run.Dispose();
        Assert.Null(failure);
        Assert.True(run.Reports.Count == 0, $"interpreter and translator disagree:\n{string.Join("\n", run.Reports)}");
        Assert.True(run.Open * 20 < run.Compared, $"{run.Open} programs act on what is undefined, of {run.Compared}: too few are compared");
    }
}
