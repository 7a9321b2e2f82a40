using System.Globalization;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Brief;

/// <summary>Makes a story in brief of a story.</summary>
internal static class StoryBriefing
{
    /// <summary>The story in brief.</summary>
    public static StoryBrief Of(Story story)
    {
        VcpuStory first = new(0, story.State, story.Entry, story.Instructions, story.End);
        return new StoryBrief
        {
            Machine = story.Machine,
            Symbols = story.Symbols,
            Program = story.Client?.Program,
            Calls = new BriefCalls(
                story.Creation.Calls.Count,
                story.Creation.Calls.Where(static call => call.Parent == 0).Aggregate(TimeSpan.Zero, static (sum, call) => sum + call.Duration),
                [.. story.Creation.Calls.Where(static call => call.Result.StartsWith("-E", StringComparison.Ordinal))]),
            Vcpus = [Of(first), .. story.OtherVcpus.Select(Of)],
        };
    }

    private static BriefVcpu Of(VcpuStory vcpu) => new(
        vcpu.Vcpu,
        vcpu.Entry?.Refusal ?? "",
        vcpu.Entry is null ? [] : [.. vcpu.Entry.Modes.Where(static mode => mode.Checks.Count > 0).Select(BriefEntryMode.Of)],
        [.. vcpu.Instructions.Select(Of)],
        vcpu.End.Reason,
        vcpu.End.Text);

    private static BriefInstruction Of(InstructionStory instruction)
    {
        FetchStory fetch = instruction.Fetch;
        SegmentFact segment = fetch.Segment;
        TranslationStory? translation = fetch.Translation;
        return new BriefInstruction(
            instruction.Number,
            string.Create(CultureInfo.InvariantCulture, $"{segment.Selector:x4}:{segment.Rip:x4}"),
            segment.Mode,
            segment.Linear,
            translation?.PagingMode ?? "",
            translation?.Gpa,
            translation?.Slot?.Name ?? "",
            translation?.Host?.HostVirtual,
            instruction.Symbols.FirstOrDefault(static symbol => symbol.What == "CS:RIP")?.Name ?? "",
            fetch.Bytes,
            fetch.Instruction,
            Stop(fetch),
            instruction.Execution?.Outcome ?? "");
    }

    private static string Stop(FetchStory fetch) =>
        fetch.Segment.Fault.Length > 0 ? fetch.Segment.Fault
        : fetch.Translation is { Gpa: null } stopped ? stopped.Outcome
        : fetch.Stop;
}
