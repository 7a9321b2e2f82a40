using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Html;

/// <summary>Step 1.</summary>
internal static class CreationHtml
{
    /// <summary>Writes it.</summary>
    public static void Write(CreationStory creation, HtmlWriter writer)
    {
        double total = creation.Calls.Where(call => call.Parent == 0).Sum(call => call.Duration.TotalMicroseconds);
        int failed = creation.Calls.Count(HasFailed);
        writer.Open("details", ("open", creation.Calls.Count <= 12 ? "open" : null));
        writer.Element("summary", string.Create(
            CultureInfo.InvariantCulture, $"{creation.Calls.Count} calls, {total:0} µs in all{(failed > 0 ? $"; {failed} of them answered with an error" : "")}"));
        bool timed = creation.Calls.Any(static call => call.Begun is not null);
        HtmlTable table = new(
            writer,
            "Calls in the order in which they began; one that was made inside another is indented",
            new("#", "number"),
            new(timed ? "at ms" : "in", "number"),
            new("µs", "number"),
            new("on", "code"),
            new("call", "code call", IsHead: true),
            new("result", "code"));
        Dictionary<int, int> depths = [];
        foreach (CallRecord call in creation.Calls)
        {
            int depth = call.Parent == 0 ? 0 : depths.GetValueOrDefault(call.Parent) + 1;
            depths[call.Number] = depth;
            string arguments = string.Join(", ", call.Arguments.Select(argument => $"{argument.Key} {argument.Value}"));
            table.Row(
                creation.Evidence,
                HasFailed(call) ? $"depth{Math.Min(depth, 3)} odd" : $"depth{Math.Min(depth, 3)}",
                call.Number.ToString(CultureInfo.InvariantCulture),
                timed ? call.Begun?.TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture) ?? "" : call.Parent == 0 ? "" : call.Parent.ToString(CultureInfo.InvariantCulture),
                call.Duration.TotalMicroseconds.ToString("0.0", CultureInfo.InvariantCulture),
                call.Target,
                arguments.Length == 0 ? call.Name : $"{call.Name}({arguments})",
                call.Result);
        }

        table.Close();
        writer.Close();
    }

    private static bool HasFailed(CallRecord call) => call.Result.StartsWith("-E", StringComparison.Ordinal);
}
