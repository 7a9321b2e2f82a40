using System.Globalization;
using Vitrine.Accelerators.Observation;

namespace Vitrine.Explain.Text;

/// <summary>Calls of one kind that follow each other, which are told together when they are many.</summary>
/// <param name="Calls">They.</param>
internal sealed record CallRun(IReadOnlyList<CallRecord> Calls)
{
    // Fewer are no shorter when told together.
    private const int Fewest = 3;

    /// <summary>The first of them.</summary>
    public CallRecord First => Calls[0];

    /// <summary>How long they took in all.</summary>
    public double Microseconds => Calls.Sum(static call => call.Duration.TotalMicroseconds);

    /// <summary>Its number, or the first and the last.</summary>
    public string Numbers => Calls.Count == 1
        ? First.Number.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{First.Number}-{Calls[^1].Number}");

    /// <summary>Splits calls into runs: of three and more on one descriptor under one name, none with calls inside it, and else of one.</summary>
    public static IEnumerable<CallRun> Of(IReadOnlyList<CallRecord> calls)
    {
        HashSet<int> parents = [.. calls.Select(static call => call.Parent)];
        for (int i = 0; i < calls.Count;)
        {
            int end = i + 1;
            while (end < calls.Count && Continues(calls[i], calls[end]) && !parents.Contains(calls[end].Number)) end++;
            if (end - i < Fewest || parents.Contains(calls[i].Number)) end = i + 1;
            yield return new CallRun([.. calls.Skip(i).Take(end - i)]);
            i = end;
        }
    }

    // An error between answers is what a reader looks for.
    private static bool Continues(CallRecord first, CallRecord next) =>
        next.Name == first.Name && next.Target == first.Target && next.Parent == first.Parent && HasFailed(first) == HasFailed(next);

    /// <summary>The call was refused.</summary>
    public static bool HasFailed(CallRecord call) => call.Result.StartsWith("-E", StringComparison.Ordinal);
}
