using System.Text.RegularExpressions;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>
/// Values that lost their last digits. Linux, Xen and QEMU pad with zeros (%08x, %016lx), so that fewer digits than the format has prove it; taken
/// as whole, the value would be another one, and so would be the verdict.
/// </summary>
public sealed partial class CutValueTests
{
    private static readonly Dictionary<string, string> s_dumps = new()
    {
        ["VMCS of Linux 6"] = SampleDumps.Vmcs6,
        ["VMCS of Linux 4"] = SampleDumps.Vmcs4,
        ["VMCB of Linux 6"] = SampleDumps.Vmcb6,
        ["VMCB of Linux 4"] = SampleDumps.Vmcb4,
        ["Xen"] = SampleDumps.Xen,
        ["QEMU, 16 bits"] = RegisterSamples.Qemu16,
        ["QEMU, 32 bits"] = RegisterSamples.Qemu32,
        ["QEMU, 64 bits"] = RegisterSamples.Qemu64,
    };

    public static TheoryData<string> Dumps => [.. s_dumps.Keys];

    [Theory]
    [MemberData(nameof(Dumps))]
    public void AValueThatLostDigitsIsCutOff(string name)
    {
        string dump = s_dumps[name];
        int read = 0;
        foreach ((int start, int end) in Values(dump))
        {
            // Whether the value counts at all shows when another digit stands in it.
            bool counts = Tell(dump[..(end - 1)] + (dump[end - 1] == '1' ? '2' : '1') + dump[end..]) != Tell(dump);
            if (counts) read++;
            foreach (int lost in new SortedSet<int> { 1, Math.Min(2, end - start - 1), end - start - 1 })
            {
                string shorter = dump[..(end - lost)] + dump[end..];
                string told = Tell(shorter);
                string where = $"{Line(dump, start)}, without {lost} digits of {dump[start..end]}";
                if (counts) Assert.Contains($"{name}: cut off", $"{name}: {told} - {where}", StringComparison.Ordinal);
                else Assert.True(told == Tell(dump) || told == "cut off", where);
            }
        }

        Assert.InRange(read, 20, int.MaxValue);
    }

    // The log ends within the value; at its first digit nothing but the name is left.
    [Theory]
    [MemberData(nameof(Dumps))]
    public void ALogThatEndsInAValueGivesNoFalseVerdict(string name)
    {
        string dump = s_dumps[name];
        HashSet<string> failed = [.. Failed(EntryDumpReader.Read("log.txt", dump))];
        foreach ((int start, int end) in Values(dump))
        {
            foreach (int at in new SortedSet<int> { start, start + 1, end - 1 })
            {
                try
                {
                    EntryDump cut = EntryDumpReader.Read("log.txt", dump[..at]);
                    Assert.Equal((Line(dump, start), ""), (Line(dump, start), string.Join(' ', Failed(cut).Except(failed))));
                }
                catch (VitrineException error)
                {
                    Assert.Equal(ErrorKind.User, error.Kind);
                }
            }
        }
    }

    [Fact]
    public void BeforeADumpThatIsCutInAValueTheLastWholeOneIsTaken()
    {
        string cut = SampleDumps.Vmcs6[..SampleDumps.Vmcs6.IndexOf("05e\n", StringComparison.Ordinal)];
        EntryDump dump = EntryDumpReader.Read("log.txt", $"{SampleDumps.Vmcb6}\n{cut}");
        Assert.Equal("a VMCB as Linux prints it", dump.Format);
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read("log.txt", cut));
        Assert.Contains("is cut off: the end of '0x000000011fffc' for EPT pointer in line 45 is missing", error.What, StringComparison.Ordinal);
    }

    // What the checks and the end are read from, or the error.
    private static string Tell(string text)
    {
        try
        {
            EntryDump dump = EntryDumpReader.Read("log.txt", text);
            IEnumerable<string> values = dump.Trials.SelectMany(trial => trial.Area.Values).Select(value => $"{value.Field.Key}={value.Value:x}");
            return string.Join(' ', [.. values, dump.End.Code, .. dump.End.Sentences, .. dump.Findings]);
        }
        catch (VitrineException error)
        {
            return error.What.Contains(" is cut off: the end of ", StringComparison.Ordinal) ? "cut off" : error.What;
        }
    }

    private static IEnumerable<string> Failed(EntryDump dump) => EntryJudgement.Of(dump).Results
        .SelectMany(results => results).Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id);

    private static IEnumerable<(int Start, int End)> Values(string dump) => Hexadecimal().Matches(dump)
        .Where(match => !Line(dump, match.Index).StartsWith("Code=", StringComparison.Ordinal)).Select(match => (match.Index, match.Index + match.Length));

    private static string Line(string dump, int at)
    {
        int start = dump.LastIndexOf('\n', at) + 1;
        int end = dump.IndexOf('\n', at);
        return end < 0 ? dump[start..] : dump[start..end];
    }

    // Two digits or more: what has one is decimal or a flag.
    [GeneratedRegex(@"(?<=\b0x|\b)[0-9a-f]{2,16}\b")]
    private static partial Regex Hexadecimal();
}
