using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Step 1 as text.</summary>
internal static class CreationText
{
    private static readonly int[] Widths = [4, 9, 12];

    /// <summary>Writes it.</summary>
    public static void Write(CreationStory creation, StoryWriter writer)
    {
        double total = creation.Calls.Where(call => call.Parent == 0).Sum(call => call.Duration.TotalMicroseconds);
        writer.Prose(string.Create(
            CultureInfo.InvariantCulture, $"{creation.Calls.Count} calls, {total:0} µs in all. A call that was made inside another is indented."));
        writer.Head(Widths, ["#", "µs", "on", "call, arguments -> result"]);
        Dictionary<int, int> depths = [];
        foreach (CallRecord call in creation.Calls)
        {
            int depth = call.Parent == 0 ? 0 : depths.GetValueOrDefault(call.Parent) + 1;
            depths[call.Number] = depth;
            writer.Row(
                creation.Evidence,
                Widths,
                [
                    call.Number.ToString(CultureInfo.InvariantCulture),
                    call.Duration.TotalMicroseconds.ToString("0.0", CultureInfo.InvariantCulture),
                    call.Target,
                    new string(' ', depth * 2) + Text(call),
                ]);
        }
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
