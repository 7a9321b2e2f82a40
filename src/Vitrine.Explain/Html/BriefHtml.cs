using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>A story in brief, behind its drawing.</summary>
internal static class BriefHtml
{
    // With more than these they are folded.
    private const int MostUnfolded = 8;

    /// <summary>Writes what a vCPU did, and which checks of its entry fail.</summary>
    public static void WriteVcpu(BriefVcpu vcpu, HtmlWriter writer)
    {
        WriteInstructions(vcpu.Instructions, writer);
        FactList facts = new(writer);
        if (vcpu.Instructions is [.., var last])
        {
            if (last.Stop.Length > 0) facts.Fact(Evidence.Derived, "stops here", last.Stop, "stop");
            if (last.Outcome.Length > 0) facts.Fact(Evidence.Observed, "outcome", last.Outcome);
        }

        if (vcpu.Refusal.Length > 0) facts.Fact(Evidence.Derived, "refused", vcpu.Refusal, "stop");
        foreach (BriefEntryMode mode in vcpu.Modes) facts.Fact(Evidence.Derived, "entry checks", $"{mode.Name}: {mode.Counts()}");
        foreach (EntryCheckFact check in vcpu.Modes.SelectMany(static mode => mode.Failed).DistinctBy(static check => check.Rule))
        {
            facts.Fact(Evidence.Derived, "fails", $"{check.Rule} ({check.Section}): {check.Condition} Found: {check.Found}.", "stop");
        }

        facts.Fact(Evidence.Observed, "end", vcpu.EndText);
        facts.Close();
    }

    /// <summary>Writes how many calls there were, and which were answered with an error.</summary>
    public static void WriteCalls(BriefCalls calls, HtmlWriter writer)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{calls.Count} calls, {calls.Duration.TotalMicroseconds:0} µs in all; {calls.Failed.Count} of them answered with an error");
        if (calls.Failed.Count == 0)
        {
            writer.Element("p", text);
            return;
        }

        writer.Open("details");
        writer.Element("summary", text);
        HtmlTable table = new(writer, "Calls that were answered with an error", new("#", "number"), new("call", "code", IsHead: true), new("result", "code"));
        foreach (CallRecord call in calls.Failed) table.Row(Evidence.Observed, "odd", call.Number.ToString(CultureInfo.InvariantCulture), call.Name, call.Result);
        table.Close();
        writer.Close();
    }

    private static void WriteInstructions(IReadOnlyList<BriefInstruction> instructions, HtmlWriter writer)
    {
        if (instructions.Count == 0) return;
        bool folded = instructions.Count > MostUnfolded;
        if (folded)
        {
            writer.Open("details");
            writer.Element("summary", $"{instructions.Count} instructions");
        }

        HtmlTable table = new(
            writer,
            "Instructions",
            new("#", "number"),
            new("CS:RIP", "code"),
            new("linear", "code"),
            new("guest-physical", "code"),
            new("memory slot"),
            new("symbol", "code"),
            new("instruction", "code", IsHead: true));
        foreach (BriefInstruction instruction in instructions)
        {
            table.Row(
                Evidence.Observed,
                instruction.Stop.Length > 0 ? "stop" : null,
                instruction.Number.ToString(CultureInfo.InvariantCulture),
                instruction.Place,
                Hex.Of(instruction.Linear),
                instruction.Gpa is { } gpa ? Hex.Of(gpa) : "none",
                instruction.Slot,
                instruction.Symbol,
                instruction.Instruction.Length > 0 ? instruction.Instruction : "not fetched");
        }

        table.Close();
        if (folded) writer.Close();
    }
}
