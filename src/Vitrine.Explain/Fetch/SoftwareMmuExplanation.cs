using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Fetch;

/// <summary>What the software CPU's MMU holds for an address, and what it had to do: two looks, before and after an instruction.</summary>
internal static class SoftwareMmuExplanation
{
    /// <summary>The first look.</summary>
    /// <param name="mmu">The MMU.</param>
    /// <param name="translation">The guest's translation of the address.</param>
    public static MmuStory Before(IMmuInspection mmu, TranslationStory translation)
    {
        bool shadow = mmu.Mode == MmuMode.Shadow;
        IReadOnlyList<ShadowStep> steps = mmu.InspectShadow(translation.Linear);
        IReadOnlyList<TwoDimensionalReference> references = mmu.InspectTwoDimensional(translation.Linear);
        return new MmuStory(
            shadow ? "shadow page table: maps linear addresses straight to host memory" : "two-dimensional: each guest-physical address goes through a second-level table",
            steps,
            [],
            references,
            [],
            [],
            shadow ? ShadowEvents(steps, translation) : TwoDimensionalEvents(references, translation),
            Evidence.Observed);
    }

    /// <summary>The second look, behind the instruction.</summary>
    /// <param name="before">The first look.</param>
    /// <param name="mmu">The MMU.</param>
    /// <param name="translation">The guest's translation, as it was before.</param>
    /// <param name="start">The counters at the first look.</param>
    public static MmuStory After(MmuStory before, IMmuInspection mmu, TranslationStory translation, MmuCounters start)
    {
        IReadOnlyList<ShadowStep> steps = mmu.InspectShadow(translation.Linear);
        IReadOnlyList<TwoDimensionalReference> references = mmu.InspectTwoDimensional(translation.Linear);
        IReadOnlyList<CounterChange> counters = CounterText.Between(start, mmu.Counters);
        List<string> events = [.. before.Events];
        events.AddRange(mmu.Mode == MmuMode.Shadow ? ShadowOutcome(before, steps, translation) : TwoDimensionalOutcome(before, references, translation));
        return before with { ShadowAfter = steps, TwoDimensionalAfter = references, Counters = counters, Events = events };
    }

    private static List<string> ShadowEvents(IReadOnlyList<ShadowStep> steps, TranslationStory translation)
    {
        if (translation.Gpa is null)
        {
            return ["Nothing can be mapped: the guest's own walk fails, so the fault is the guest's, and goes to the guest."];
        }

        if (steps.Count == 0) return ["No shadow page translates this part of the address space yet, there is not even a root: the look-up faults. The fault is the MMU's; the guest never sees it."];
        ShadowStep last = steps[^1];
        return last.Present
            ? ["The shadow page table maps the page already: no fault, and no guest table is looked at."]
            : [$"The shadow entry of level {last.Level} (page #{last.PageNumber}, index {last.Index}) is absent: the look-up faults. The fault is the MMU's; the guest never sees it."];
    }

    private static List<string> ShadowOutcome(MmuStory before, IReadOnlyList<ShadowStep> steps, TranslationStory translation)
    {
        bool mapped = before.Shadow.Count > 0 && before.Shadow[^1].Present;
        if (mapped || translation.Gpa is null || steps.Count == 0 || !steps[^1].Present) return [];
        List<string> events =
        [
            translation.Walk.Count == 0
                ? "Paging is off, so there is no guest table to walk: direct shadow pages map guest-physical addresses."
                : "The guest's tables are walked (as above), which sets their accessed bits.",
        ];
        int[] known = [.. before.Shadow.Select(step => step.PageNumber)];
        string[] made = [.. steps.Where(step => !known.Contains(step.PageNumber)).Select(step => $"#{step.PageNumber} for level {step.Level}")];
        if (made.Length > 0) events.Add($"Shadow pages taken into use: {string.Join(", ", made)}.");
        ShadowStep leaf = steps[^1];
        if (translation.Slot is null)
        {
            events.Add("No slot holds the address: the entry is filled to say that no memory is there. Data accesses go to a device or to nobody; a fetch reads ones.");
            return events;
        }

        events.Add($"The entry that maps the page is filled: host virtual {Text.Hex.Of(leaf.Entry)}, rights {leaf.Flags}.");
        events.Add("The look-up is tried again and finds it: the instruction is fetched.");
        return events;
    }

    private static List<string> TwoDimensionalEvents(IReadOnlyList<TwoDimensionalReference> references, TranslationStory translation)
    {
        if (references.Count > 0 && references[^1] is { Present: false, HostLevel: > 0 } missing)
        {
            return
            [
                $"The second-level entry of level {missing.HostLevel} for guest-physical {Text.Hex.Of(missing.Address)} is absent: the access faults to the MMU. " +
                "On hardware this is an EPT violation (exit reason 48) or a nested page fault (exit code 0x400).",
            ];
        }

        return translation.Gpa is null
            ? ["The guest's own walk fails, so the fault is the guest's, and goes to the guest."]
            : ["Both dimensions are complete: no fault."];
    }

    private static List<string> TwoDimensionalOutcome(MmuStory before, IReadOnlyList<TwoDimensionalReference> references, TranslationStory translation)
    {
        bool missed = before.TwoDimensional.Count > 0 && before.TwoDimensional[^1] is { Present: false, HostLevel: > 0 };
        if (missed && translation is { Gpa: not null, Slot: null } && before.TwoDimensional[^1].GuestLevel == 0)
        {
            return ["No slot holds the address, so that the entry stays absent. Data accesses go to a device or to nobody; a fetch reads ones."];
        }

        if (!missed || translation.Gpa is null || references.Count == 0 || !references[^1].Present) return [];
        return
        [
            "The guest-physical address is looked up among the memory slots, and all levels that lack are installed at once. No guest table is touched.",
            "The access is tried again and succeeds: the instruction is fetched.",
        ];
    }
}
