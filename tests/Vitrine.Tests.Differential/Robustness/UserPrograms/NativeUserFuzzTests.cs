using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>
/// Random user programs, whose kernel changes their pages in between: the host's processor ends them as the interpreter does, and so does one engine after the other
/// within a program. VITRINE_FUZZ_CASES counts batches of <see cref="UserFuzzRun.BatchSize"/> programs.
/// </summary>
public sealed class NativeUserFuzzTests(ITestOutputHelper output)
{
    private const int Batches = 60;

    [Theory]
    [InlineData(MmuMode.Shadow, false)]
    [InlineData(MmuMode.Shadow, true)]
    [InlineData(MmuMode.TwoDimensional, false)]
    [InlineData(MmuMode.TwoDimensional, true)]
    public void TheHostEndsUserProgramsAsTheInterpreterDoes(MmuMode mmu, bool engineChanges)
    {
        Engines.SkipUnlessPresent(SoftwareEngine.Translator);
        FuzzRun fuzz = new(nameof(TheHostEndsUserProgramsAsTheInterpreterDoes), Batches);
        using LoopWatch watch = new();
        UserFuzzRun run = new(watch, UserCode.Native, mmu, engineChanges);
        Exception? failure = watch.RunCases(() => fuzz.Run(run.Batch), run.Position);
        NativeStatistics native = run.Native!;
        output.WriteLine($"{run.Compared} programs compared, {run.Endless} without an end, {run.Open} undecided, {run.Slow} slow; {native}");
        output.WriteLine(string.Join(", ", run.Ends.Index().Where(end => end.Item > 0).Select(end => $"#{end.Index}: {end.Item}")));
        run.Dispose();
        Assert.SkipUnless(native.Refused is null, $"the host refuses {native.Refused}");
        Assert.Null(failure);
        Assert.True(run.Reports.Count == 0, $"interpreter and host disagree:\n{string.Join("\n", run.Reports)}");
        Assert.True(run.Open * 3 < run.Compared, $"{run.Open} programs act on what is undefined, of {run.Compared}: too few are compared");
        Assert.True(native.Stops > (ulong)run.Compared / 4);
    }
}
