using System.Text.RegularExpressions;

namespace Vitrine.Tests.Explain;

/// <summary>The commands of docs/first-instruction.md and what the page shows of their output.</summary>
internal static partial class FirstInstructionPage
{
    private static string PathOfPage => Path.Combine(RepositoryRoot.Path, "docs", "first-instruction.md");

    /// <summary>The boxes, in order: the commands that begin with "$", and the lines behind the last of them.</summary>
    public static IReadOnlyList<(string[] Commands, string[] Shown)> Boxes()
    {
        List<(string[], string[])> boxes = [];
        foreach (Match match in Box().Matches(File.ReadAllText(PathOfPage)))
        {
            string[] lines = match.Groups[1].Value.TrimEnd('\n').Split('\n');
            string[] commands = [.. lines.Where(line => line.StartsWith("$ ", StringComparison.Ordinal)).Select(line => line[2..])];
            boxes.Add((commands, [.. lines.Where(line => !line.StartsWith("$ ", StringComparison.Ordinal))]));
        }

        return boxes;
    }

    /// <summary>An output without what differs from run to run: host addresses, times, the counter that runs by itself.</summary>
    public static string[] Stable(string output)
    {
        output = HostAddress().Replace(output, "0x7fxxxxxxxxxx");
        output = WideHostAddress().Replace(output, "0x00007fxxxxxxxxxx");
        output = HostPhysical().Replace(output, "$1(this host's)");
        output = CallTime().Replace(output, "$1*         ");
        output = TotalTime().Replace(output, "$1 * µs");
        output = TimeStamp().Replace(output, "$1(time) -> $2");
        return [.. output.TrimEnd('\n').Split('\n').Select(line => line.TrimEnd())];
    }

    [GeneratedRegex("```console\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Box();

    [GeneratedRegex(@"0x7[0-9a-f]{11}\b")]
    private static partial Regex HostAddress();

    [GeneratedRegex(@"0x00007[0-9a-f]{11}\b")]
    private static partial Regex WideHostAddress();

    [GeneratedRegex(@"^(● host physical +).*$", RegexOptions.Multiline)]
    private static partial Regex HostPhysical();

    [GeneratedRegex(@"^(● \d+ +)\d+\.\d +", RegexOptions.Multiline)]
    private static partial Regex CallTime();

    [GeneratedRegex(@"^(  \d+ calls,) \d+ µs", RegexOptions.Multiline)]
    private static partial Regex TotalTime();

    [GeneratedRegex(@"(IA32_TIME_STAMP_COUNTER +)0x[0-9a-f]+ +-> (0x[0-9a-f]+)")]
    private static partial Regex TimeStamp();
}
