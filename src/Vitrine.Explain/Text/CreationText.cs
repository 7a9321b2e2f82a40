using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Step 1 as text.</summary>
internal static class CreationText
{
    private static readonly int[] s_widths = [4, 9, 12];
    private static readonly int[] s_timedWidths = [9, 9, 9, 9];

    /// <summary>Writes it.</summary>
    public static void Write(CreationStory creation, StoryWriter writer)
    {
        bool timed = creation.Calls.Any(static call => call.Begun is not null);
        double total = creation.Calls.Where(call => call.Parent == 0).Sum(call => call.Duration.TotalMicroseconds);
        string nested = timed ? "Equal ones that follow each other are told together." : "A call that was made inside another is indented.";
        writer.Prose(string.Create(CultureInfo.InvariantCulture, $"{creation.Calls.Count} calls, {total:0} µs in all. {nested}"));
        if (timed) writer.Head(s_timedWidths, ["#", "at ms", "µs", "on", "call, arguments -> result"]);
        else writer.Head(s_widths, ["#", "µs", "on", "call, arguments -> result"]);
        Dictionary<int, int> depths = [];
        IEnumerable<CallRun> runs = timed ? CallRun.Of(creation.Calls) : creation.Calls.Select(static call => new CallRun([call]));
        foreach (CallRun run in runs)
        {
            CallRecord call = run.First;
            int depth = call.Parent == 0 ? 0 : depths.GetValueOrDefault(call.Parent) + 1;
            depths[call.Number] = depth;
            string microseconds = run.Microseconds.ToString("0.0", CultureInfo.InvariantCulture);
            string text = new string(' ', depth * 2) + Text(run);
            if (timed)
            {
                string begun = call.Begun?.TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
                writer.Row(creation.Evidence, s_timedWidths, [run.Numbers, begun, microseconds, call.Target, text]);
            }
            else
            {
                writer.Row(creation.Evidence, s_widths, [run.Numbers, microseconds, call.Target, text]);
            }
        }
    }

    private static string Text(CallRun run)
    {
        if (run.Calls.Count == 1) return Text(run.First);
        return string.Create(CultureInfo.InvariantCulture, $"{run.First.Name} {run.Calls.Count} times; first {Text(run.First)}; last {Text(run.Calls[^1])}");
    }

    private static string Text(CallRecord call)
    {
        // A list of all CPUID leaves would bury the calls around it.
        const int Longest = 240;
        string arguments = string.Join(", ", call.Arguments.Select(argument => $"{argument.Key} {argument.Value}"));
        if (arguments.Length > Longest) arguments = $"{arguments[..arguments.LastIndexOf(' ', Longest)]} ... (cut; JSON and HTML have all of it)";
        return $"{call.Name}{(arguments.Length == 0 ? "" : $"({arguments})")} -> {call.Result}";
    }
}
