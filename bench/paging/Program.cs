using System.Globalization;
using Vitrine.Accelerators.Mmu;
using Vitrine.Bench.Paging;

// usage: paging [ROUNDS]     prints a Markdown table: each workload with each MMU, medians over the rounds
const int DefaultRounds = 5;
int rounds = DefaultRounds;
if (args.Length > 1 || (args.Length == 1 && (!int.TryParse(args[0], CultureInfo.InvariantCulture, out rounds) || rounds < 1)))
{
    Console.Error.WriteLine("usage: paging [ROUNDS]     ROUNDS: how often each workload runs, at least 1");
    return 64;
}

Console.WriteLine("| workload | MMU | time | TLB misses | faults | fills | pages | syncs | tracked writes | zaps | flushes | walks | references |");
Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
foreach (Workload workload in Workloads.All)
{
    List<Measurement> shadow = [];
    List<Measurement> twoDimensional = [];

    // In turns, so that whatever else the machine does meets both.
    for (int i = 0; i < rounds; i++)
    {
        shadow.Add(Measurement.Take(workload, MmuMode.Shadow));
        twoDimensional.Add(Measurement.Take(workload, MmuMode.TwoDimensional));
    }

    double shadowTime = Median(shadow);
    double twoDimensionalTime = Median(twoDimensional);
    PrintRow(workload.Name, "shadow", shadowTime, shadow[^1]);
    PrintRow("", string.Create(CultureInfo.InvariantCulture, $"two-dimensional, × {twoDimensionalTime / shadowTime:F2}"), twoDimensionalTime, twoDimensional[^1]);
}

Console.WriteLine();
Console.WriteLine("For the first touch of 128 pages a KVM with shadow paging (PVM) took 130 faults.");
return 0;

static double Median(List<Measurement> runs)
{
    double[] times = [.. runs.Select(run => run.Milliseconds).Order()];
    return times.Length % 2 == 1 ? times[times.Length / 2] : (times[(times.Length / 2) - 1] + times[times.Length / 2]) / 2;
}

static void PrintRow(string name, string mmu, double time, Measurement last)
{
    string Count(Func<MmuCounters, ulong> counter) => last is { Before: { } before, After: { } after }
        ? (counter(after) - counter(before)).ToString("N0", CultureInfo.InvariantCulture)
        : "–";
    string figures = string.Join(
        " | ",
        Count(c => c.TlbMisses), Count(c => c.Faults), Count(c => c.Fills), Count(c => c.Pages), Count(c => c.Syncs), Count(c => c.TrackedWrites),
        Count(c => c.Zaps), Count(c => c.Flushes), Count(c => c.Walks), Count(c => c.WalkReferences));
    string text = time.ToString(time < 10 ? "F3" : "F0", CultureInfo.InvariantCulture) + " ms";
    Console.WriteLine($"| {name} | {mmu} | {text} | {figures} |");
}
