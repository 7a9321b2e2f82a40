using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>A story in brief as text.</summary>
internal static class BriefText
{
    // More than these, and the story isn't on one screen any more.
    private const int MostInstructions = 8;
    private const int MostCalls = 5;
    private static readonly int[] s_widths = [5, 18, 18, 16];

    /// <summary>Writes what comes before the drawing.</summary>
    public static void WriteHead(StoryBrief brief, StoryWriter writer)
    {
        MachineFacts machine = brief.Machine;
        writer.Heading("How this machine comes to its first instruction, in brief");
        writer.Fact(Evidence.Observed, "guest", machine.Guest);
        writer.Fact(Evidence.Observed, "machine", $"{Hex.Size(machine.MemoryBytes)} in {machine.Slots.Count} slots, CPU model {machine.CpuModel}; {machine.Accelerator}; MMU {machine.Mmu}");
        if (brief.Symbols is { } symbols) MachineText.WriteSymbols(symbols, writer);
        writer.Fact(
            Evidence.Observed,
            "calls",
            string.Create(CultureInfo.InvariantCulture, $"{brief.Calls.Count}, {brief.Calls.Duration.TotalMicroseconds:0} µs in all; {Failed(brief.Calls.Failed.Count)}"));
        foreach (CallRecord call in brief.Calls.Failed.Take(MostCalls)) writer.Fact(Evidence.Observed, "", $"#{call.Number} {call.Name} -> {call.Result}");
        if (brief.Calls.Failed.Count > MostCalls) writer.Fact(Evidence.Observed, "", $"and {brief.Calls.Failed.Count - MostCalls} more");
    }

    /// <summary>Writes what comes behind the drawing: each instruction in a line, the checks, the end.</summary>
    public static void WriteVcpu(BriefVcpu vcpu, StoryWriter writer)
    {
        if (vcpu.Instructions.Count > 0)
        {
            writer.Gap();
            writer.Head(s_widths, ["#", "CS:RIP", "linear", "guest-physical", "instruction"]);
            int skipped = vcpu.Instructions.Count - MostInstructions;
            for (int i = 0; i < vcpu.Instructions.Count; i++)
            {
                if (skipped > 0 && i == MostInstructions / 2)
                {
                    writer.Prose($"... {skipped} instructions more ...");
                    i += skipped;
                }

                Write(vcpu.Instructions[i], writer);
            }

            writer.Gap();
            BriefInstruction last = vcpu.Instructions[^1];
            if (last.Stop.Length > 0) writer.Fact(Evidence.Derived, "stops here", last.Stop, TextStyle.Bad);
            if (last.Outcome.Length > 0) writer.Fact(Evidence.Observed, "outcome", last.Outcome);
        }

        if (vcpu.Refusal.Length > 0) writer.Fact(Evidence.Derived, "is refused", vcpu.Refusal, TextStyle.Bad);
        foreach (BriefEntryMode mode in vcpu.Modes)
        {
            writer.Fact(Evidence.Derived, "entry checks", $"{mode.Name}: {mode.Counts()}", mode.Failed.Count > 0 ? TextStyle.Bad : TextStyle.Plain);
        }

        foreach (IGrouping<string, EntryCheckFact> failed in vcpu.Modes.SelectMany(static mode => mode.Failed).GroupBy(static check => check.Rule))
        {
            EntryCheckFact check = failed.First();
            writer.Fact(Evidence.Derived, "fails", $"{check.Rule} ({check.Section}): {check.Condition} Found: {check.Found}.", TextStyle.Bad);
        }

        writer.Fact(Evidence.Observed, "end", vcpu.EndText);
    }

    private static void Write(BriefInstruction instruction, StoryWriter writer) => writer.Row(
        Evidence.Observed,
        s_widths,
        [
            instruction.Number.ToString(CultureInfo.InvariantCulture), instruction.Place, Hex.Of(instruction.Linear), instruction.Gpa is { } gpa ? Hex.Of(gpa) : "none",
            (instruction.Symbol.Length > 0 ? $"{instruction.Symbol}: " : "") + (instruction.Instruction.Length > 0 ? instruction.Instruction : "not fetched"),
        ],
        instruction.Stop.Length > 0 ? TextStyle.Bad : TextStyle.Plain);

    private static string Failed(int count) => count == 0 ? "none was answered with an error" : $"{count} answered with an error";
}
